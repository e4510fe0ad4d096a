"""The ledgers that a release works with: older ones, and those that a later one has expanded."""

import pytest
from alembic import command
from sqlalchemy import Connection, text, update
from support.ledger.orders import OpenLedger

from holdfast_ledger import Ledger, LedgerUnavailable
from holdfast_ledger.database.data_version import FIRST, READS
from holdfast_ledger.database.migrating import alembic_config, schema_state
from holdfast_ledger.database.schema import data_version
from holdfast_ledger.errors import INCOMPATIBLE, explain

BEFORE_VERSIONS = "0008"


async def execute(ledger: Ledger, *statements: str) -> None:
    async with ledger.database.writing() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_new_ledger_has_a_version_that_this_release_reads(ledger: Ledger) -> None:
    state = await schema_state(ledger.database)
    assert (state.is_current, state.data_version in READS) == (True, True)
    await ledger.check()


async def test_ledger_from_before_there_were_versions_is_migrated(
    open_ledger: OpenLedger,
) -> None:
    ledger = await open_ledger()
    async with ledger.database.engine.connect() as connection:
        await connection.run_sync(migrate_to, BEFORE_VERSIONS)
        await connection.commit()
    assert (await schema_state(ledger.database)).data_version == FIRST
    await ledger.migrate()
    await ledger.check()


def migrate_to(connection: Connection, revision: str) -> None:
    command.upgrade(alembic_config(connection), revision)


async def test_ledger_that_a_later_release_has_expanded_is_used_as_it_is(ledger: Ledger) -> None:
    await execute(
        ledger,
        "UPDATE alembic_version SET version_num = '9999'",
        "ALTER TABLE api_keys ADD COLUMN later INTEGER DEFAULT 7 NOT NULL",
    )
    await ledger.migrate()
    await ledger.check()
    assert (await schema_state(ledger.database)).current == "9999"
    await ledger.keys.create("later", 1)


@pytest.mark.parametrize("version", [READS[0] - 1, READS[-1] + 1])
async def test_ledger_of_a_version_that_this_release_does_not_read_is_refused(
    ledger: Ledger, version: int
) -> None:
    async with ledger.database.writing() as connection:
        await connection.execute(update(data_version).values(version=version))
    for use in (ledger.migrate, ledger.check):
        with pytest.raises(LedgerUnavailable) as refused:
            await use()
        assert refused.value.reason == INCOMPATIBLE
        assert f"version {version}" in explain(refused.value)
