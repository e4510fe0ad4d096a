"""Who acts, from where and in which request; values before and after; keys of certain sales.

The audit is append-only: SQLite and PostgreSQL refuse to change or remove what it has. MySQL asks
for rights that services rarely have before it takes a trigger; there the rights of the service's
user can be reduced instead (docs/operations.md).
"""

import sqlalchemy as sa
from alembic import op

from holdfast_ledger.database.schema import exact, long_text

revision = "0010"
down_revision = "0009"
phase = "expand"

_SQLITE = (
    "CREATE TRIGGER audit_keeps_values BEFORE UPDATE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION holdfast_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION holdfast_refuse_change()",
)
_APPEND_ONLY = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def upgrade() -> None:
    for name, kind in (
        ("address", exact(45)),
        ("request_id", exact(64)),
        ("state_before", long_text()),
        ("state_after", long_text()),
    ):
        op.add_column("audit", sa.Column(name, kind, nullable=True))
    op.create_index("ix_audit_sale_id", "audit", ["sale", "id"])
    for name, length in (("acted_by", 64), ("acted_from", 45), ("request_id", 64)):
        op.add_column("orders", sa.Column(name, exact(length), nullable=True))
    op.add_column("api_keys", sa.Column("sales", exact(2000), nullable=False, server_default=""))
    for statement in _APPEND_ONLY.get(op.get_context().dialect.name, ()):
        op.execute(statement)
