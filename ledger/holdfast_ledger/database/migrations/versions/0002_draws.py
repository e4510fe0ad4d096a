"""Draws that are sealed: a loss of the store must not lead to another order than the one shown."""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import exact

revision = "0002"
down_revision = "0001"
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "draws",
        sa.Column("sale_uid", exact(32), nullable=False),
        sa.Column("entrants", sa.BigInteger, nullable=False),
        sa.Column("accumulator", exact(64), nullable=False),
        sa.Column("beacon", exact(256), nullable=True),
        sa.Column("sealed_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sale_uid", name="pk_draws"),
    )
