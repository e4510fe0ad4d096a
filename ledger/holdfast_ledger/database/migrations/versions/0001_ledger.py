"""The ledger as it first was."""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import exact, long_bytes, long_text, serial

revision = "0001"
down_revision = None
phase = "expand"


def upgrade() -> None:
    """Sales first: others point to them."""
    _create_sales()
    _create_orders()
    _create_sold()
    _create_keeping()


def _create_sales() -> None:
    op.create_table(
        "sales",
        sa.Column("uid", exact(32), nullable=False),
        sa.Column("name", exact(63), nullable=False),
        sa.Column("live_name", exact(63), nullable=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("spec", long_text(), nullable=False),
        sa.Column("settings_version", sa.Integer, nullable=False),
        sa.Column("issued_ceiling", sa.BigInteger, nullable=False),
        sa.Column("draw_secret", sa.LargeBinary, nullable=False),
        sa.Column("provisioned", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("uid", name="pk_sales"),
        sa.UniqueConstraint("live_name", name="uq_sales_live_name"),
    )
    op.create_index("ix_sales_name", "sales", ["name"])
    op.create_table(
        "sale_plans",
        sa.Column("sale_uid", exact(32), nullable=False),
        sa.Column("body", long_bytes(), nullable=False),
        sa.PrimaryKeyConstraint("sale_uid", name="pk_sale_plans"),
        sa.ForeignKeyConstraint(["sale_uid"], ["sales.uid"], name="fk_sale_plans_sale_uid"),
    )


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", exact(64), nullable=False),
        sa.Column("sale_uid", exact(32), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("buyer", exact(255), nullable=False),
        sa.Column("hold_version", sa.BigInteger, nullable=False),
        sa.Column("order_ref", exact(255), nullable=True),
        sa.Column("payment_ref", exact(255), nullable=True),
        sa.Column("amount", sa.BigInteger, nullable=True),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("items", long_text(), nullable=False),
        sa.Column("next_to_each_other", sa.Boolean, nullable=False),
        sa.Column("refunds", long_text(), nullable=True),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("confirmed_ms", sa.BigInteger, nullable=True),
        sa.Column("due_ms", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index("ix_orders_sale_uid_created_ms_id", "orders", ["sale_uid", "created_ms", "id"])
    op.create_index("ix_orders_sale_uid_buyer", "orders", ["sale_uid", "buyer"])
    op.create_index(
        "ix_orders_due",
        "orders",
        ["sale_uid", "due_ms"],
        sqlite_where=sa.text("due_ms IS NOT NULL"),
        postgresql_where=sa.text("due_ms IS NOT NULL"),
    )


def _create_sold() -> None:
    op.create_table(
        "sold",
        sa.Column("sale_uid", exact(32), nullable=False),
        sa.Column("seat", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("order_id", exact(64), nullable=False),
        sa.PrimaryKeyConstraint("sale_uid", "seat", name="pk_sold"),
    )
    op.create_table(
        "area_sold",
        sa.Column("sale_uid", exact(32), nullable=False),
        sa.Column("area", exact(128), nullable=False),
        sa.Column("sold", sa.Integer, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("sale_uid", "area", name="pk_area_sold"),
    )


def _create_keeping() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("sale_uid", exact(32), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("taken_ms", sa.BigInteger, nullable=False),
        sa.Column("body", long_bytes(), nullable=False),
        sa.PrimaryKeyConstraint("sale_uid", name="pk_checkpoints"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", exact(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.SmallInteger, nullable=False),
        sa.Column("key_hash", exact(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_ms", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )
    op.create_table(
        "audit",
        sa.Column("id", serial(), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", exact(64), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("sale", exact(63), nullable=True),
        sa.Column("detail", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_sale", "audit", ["sale"])
