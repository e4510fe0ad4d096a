"""Alembic's entry: runs on the connection that `migrating` opened and locked."""

from alembic import context

from holdfast_ledger.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
