"""The key, in hex, that buyers who come with an identity are named with.

Sales from before have none, and keep naming what they have named without.
"""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import exact

revision = "0005"
down_revision = "0004"
phase = "expand"


def upgrade() -> None:
    op.add_column(
        "sales", sa.Column("identity_secret", exact(64), nullable=False, server_default="")
    )
