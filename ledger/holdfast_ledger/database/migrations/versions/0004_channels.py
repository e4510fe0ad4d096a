"""The channels whose allotments an API key may sell from, separated by blanks."""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import exact

revision = "0004"
down_revision = "0003"
phase = "expand"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("channels", exact(1000), nullable=False, server_default=""))
