"""The data version of the ledger: which releases can work with what the tables hold.

It says nothing about tables and columns that were only added: those may be there before any release
uses them. It rises with a contract migration alone, which takes away or changes the meaning of what
earlier releases use. A release that learns a new version reads it for one release before it writes
it, so two releases in a row work on the same data at any time.
"""

from typing import Final

from sqlalchemy import Connection, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.schema import data_version
from holdfast_ledger.errors import INCOMPATIBLE, LedgerUnavailable

FIRST: Final = 1
"""of a ledger that has no version yet"""
READS: Final = range(1, 2)
"""The versions with which this release works."""


def read_version(connection: Connection) -> int | None:
    """The version of the data; None where there is no ledger yet."""
    tables = inspect(connection).get_table_names()
    if data_version.name in tables:
        return connection.scalar(select(data_version.c.version))
    return FIRST if "alembic_version" in tables else None


def require_compatible(version: int | None) -> None:
    """Raises LedgerUnavailable (INCOMPATIBLE) unless this release works with the version."""
    if version is not None and version not in READS:
        raise LedgerUnavailable(incompatibility(version), INCOMPATIBLE)


async def check_version(connection: AsyncConnection) -> None:
    """`require_compatible` for a ledger that exists."""
    require_compatible(await connection.scalar(select(data_version.c.version)))


def incompatibility(version: int) -> str:
    """Why this release does not work with the version, and what to do."""
    known = f"its data has version {version}, and this release works with {READS[0]} to {READS[-1]}"
    if version < READS[0]:
        return f"{known}: first upgrade to a release in between (docs/operations.md, Upgrading)"
    return f"{known}: run the release that has written it, or restore the backup from before"
