"""What a rebuild needs besides orders: blocked seats, and how far the store was when last seen."""

import sqlalchemy as sa
from alembic import op

from holdfast_inventory.ledger.schema import exact

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "seat_blocks",
        sa.Column("sale_uid", exact(32), nullable=False),
        sa.Column("seat", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("blocked", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("told", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("sale_uid", "seat", name="pk_seat_blocks"),
    )
    op.add_column(
        "checkpoints", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0")
    )
