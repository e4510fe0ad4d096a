"""The ledger of a process: its parts over one database, opened and closed together."""

from collections.abc import Awaitable
from typing import Self

from holdfast_ledger.audit import Audit
from holdfast_ledger.changes import SaleChanges
from holdfast_ledger.checkpoints import Checkpoints
from holdfast_ledger.database.data_version import check_version
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.migrating import migrate
from holdfast_ledger.draws import Draws
from holdfast_ledger.keys import ApiKeys
from holdfast_ledger.order_flags import OrderFlags
from holdfast_ledger.orders import Orders
from holdfast_ledger.sales import Sales
from holdfast_ledger.seat_blocks import SeatBlocks
from holdfast_ledger.transactions.group_commit import GroupCommit, Observer
from holdfast_ledger.transactions.intents import Intent, Outcome


class Ledger:
    """The parts of the ledger over one database."""

    def __init__(self, database: Database, observer: Observer | None = None) -> None:
        self.database = database
        self.sales = Sales(database)
        self.changes = SaleChanges(database)
        self.orders = Orders(database)
        self.order_flags = OrderFlags(database)
        self.keys = ApiKeys(database)
        self.checkpoints = Checkpoints(database)
        self.audit = Audit(database)
        self.draws = Draws(database)
        self.seat_blocks = SeatBlocks(database)
        self._group = GroupCommit(database, observer)

    @classmethod
    async def open(
        cls, url: str, observer: Observer | None = None, *, existing: bool = False
    ) -> Self:
        """Connects; LedgerUnavailable at once when the database does not answer.

        Run `migrate` before first use. With `existing`, a SQLite file that is missing is an error
        instead of being created.
        """
        return cls(await Database.open(url, existing=existing), observer)

    async def migrate(self) -> None:
        """Brings the schema up to date; several processes may do so at once."""
        await migrate(self.database)

    def commit(self, intent: Intent) -> Awaitable[Outcome]:
        """Applies an intent about an order; it is on disk when the result has been awaited."""
        return self._group.commit(intent)

    async def check(self) -> None:
        """Raises LedgerUnavailable, with its `reason`, unless a write would be accepted."""
        await self.database.check()
        async with self.database.reading() as connection:
            await check_version(connection)

    async def close(self) -> None:
        """Commits the intents under way, then closes the connections."""
        await self._group.drain()
        await self.database.close()
