"""The ledger as one object: opened once per process, closed with it."""

from collections.abc import Awaitable

from holdfast_ledger.audit import Audit
from holdfast_ledger.changes import SaleChanges
from holdfast_ledger.checkpoints import Checkpoints
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.migrating import migrate
from holdfast_ledger.draws import Draws
from holdfast_ledger.keys import Keys
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
        self.keys = Keys(database)
        self.checkpoints = Checkpoints(database)
        self.audit = Audit(database)
        self.draws = Draws(database)
        self.seat_blocks = SeatBlocks(database)
        self._group = GroupCommit(database, observer)

    @classmethod
    async def open(
        cls, url: str, observer: Observer | None = None, *, existing: bool = False
    ) -> "Ledger":
        """Connect, and fail at once when nobody answers. Run `migrate` before first use, unless
        the ledger is an `existing` one: a file that is not there is not made then.
        """
        return cls(await Database.open(url, existing=existing), observer)

    async def migrate(self) -> None:
        """Bring the schema up to date; safe when several processes do it at once."""
        await migrate(self.database)

    def commit(self, intent: Intent) -> Awaitable[Outcome]:
        """Apply an intent about an order; it is on disk when this has been awaited."""
        return self._group.commit(intent)

    async def check(self) -> None:
        """Raise LedgerUnavailable, whose `reason` says why, unless a write would be taken."""
        await self.database.check()

    async def close(self) -> None:
        """Finish what was asked for, then give the connections back."""
        await self._group.drain()
        await self.database.close()
