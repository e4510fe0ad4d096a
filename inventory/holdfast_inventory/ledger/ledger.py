"""The ledger as one object: opened once per process, closed with it."""

from .audit import Audit
from .checkpoints import Checkpoints
from .database import Database
from .keys import Keys
from .migrating import migrate
from .orders import Orders
from .sales import Sales


class Ledger:
    """The parts of the ledger over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sales = Sales(database)
        self.orders = Orders(database)
        self.keys = Keys(database)
        self.checkpoints = Checkpoints(database)
        self.audit = Audit(database)

    @classmethod
    async def open(cls, url: str) -> "Ledger":
        """Connect, and fail at once when nobody answers. Run `migrate` before first use."""
        database = Database(url)
        try:
            await database.ping()
        except BaseException:
            await database.close()
            raise
        return cls(database)

    async def migrate(self) -> None:
        """Bring the schema up to date; safe when several processes do it at once."""
        await migrate(self.database)

    async def ping(self) -> None:
        """Raise LedgerUnavailable unless the database answers."""
        await self.database.ping()

    async def close(self) -> None:
        """Give the connections back."""
        await self.database.close()
