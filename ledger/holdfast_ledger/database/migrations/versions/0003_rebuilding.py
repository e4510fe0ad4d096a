"""What a rebuild needs besides orders: blocked seats, how far store and rebuild have come."""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import exact

revision = "0003"
down_revision = "0002"
phase = "expand"


def upgrade() -> None:
    op.add_column(
        "sales", sa.Column("installed_epoch", sa.Integer, nullable=False, server_default="0")
    )
    op.execute("UPDATE sales SET installed_epoch = epoch WHERE provisioned")
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
