"""A number for each change of a sale, so that workers read what has changed and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
phase = "expand"


def upgrade() -> None:
    counter = op.create_table(
        "change_counter",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_change_counter"),
    )
    op.bulk_insert(counter, [{"id": 1, "last": 0}])
    op.add_column(
        "sales", sa.Column("change_number", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_index("ix_sales_change_number_uid", "sales", ["change_number", "uid"])
