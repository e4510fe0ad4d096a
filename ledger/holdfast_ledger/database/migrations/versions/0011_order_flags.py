"""Flags of abnormal orders, and finding an order by the references of the shop.

A reference is looked up alone: with the sale's uid in front of it, PostgreSQL would take the index
for as good as any other of the sale's orders.
"""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import ORDER_ID_LENGTH, UID_LENGTH, exact

revision = "0011"
down_revision = "0010"
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "order_flags",
        sa.Column("order_id", exact(ORDER_ID_LENGTH), nullable=False),
        sa.Column("flag", sa.String(24), nullable=False),
        sa.Column("sale_uid", exact(UID_LENGTH), nullable=False),
        sa.Column("flagged_ms", sa.BigInteger(), nullable=False),
        sa.Column("resolved_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "flag", name="pk_order_flags"),
    )
    op.create_index(
        "ix_order_flags_sale_uid_resolved_ms", "order_flags", ["sale_uid", "resolved_ms"]
    )
    op.create_index("ix_orders_order_ref", "orders", ["order_ref"])
    op.create_index("ix_orders_payment_ref", "orders", ["payment_ref"])
