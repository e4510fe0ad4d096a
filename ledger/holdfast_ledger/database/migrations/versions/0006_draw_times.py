"""The starts that a draw was announced with, and when its lobby was closed.

A sale that is there already has no starts: its commitment was made without them.
"""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import long_text

revision = "0006"
down_revision = "0005"
phase = "expand"


def upgrade() -> None:
    op.add_column("sales", sa.Column("draw_starts", long_text(), nullable=True))
    op.add_column(
        "draws", sa.Column("closed_ms", sa.BigInteger, nullable=False, server_default="0")
    )
