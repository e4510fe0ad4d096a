"""Which store an epoch of a sale is installed in.

A sale that is there already has no nonce, and its store none either, until it is rebuilt.
"""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import NONCE_LENGTH, exact

revision = "0008"
down_revision = "0007"
phase = "expand"


def upgrade() -> None:
    column = sa.Column("store_nonce", exact(NONCE_LENGTH), nullable=False, server_default="")
    op.add_column("sales", column)
