"""The data version, which tells a release whether it can work with what the tables hold."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
phase = "expand"


def upgrade() -> None:
    table = op.create_table(
        "data_version",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_version"),
    )
    op.bulk_insert(table, [{"id": 1, "version": 1}])
