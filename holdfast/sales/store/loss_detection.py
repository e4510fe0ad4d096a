"""What a worker that has seen nothing of a sale can hold against the store.

Every call carries the last revision that its process has seen, and so finds out a store that lost
writes. A process that has just started has seen none: after a machine lost its power, all of them
have, and the store may be a second behind. Two things in the ledger speak for them: the revision
at the last checkpoint, which the guard compares like any other, and what is sold, which the store
must at least hold. Neither is exact to the last write; what lies between is the store's own promise
(see docs/correctness.md).
"""

import logging
from dataclasses import dataclass
from typing import Final

from holdfast_ledger import Ledger, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.sale import SaleCalls
from holdfast_lua.errors import StoreBehind

READINGS: Final = 3
"""a refund between the two readings looks like a loss, but not three times in a row"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LossDetector:
    """The ledger's side of the question whether the store can be trusted with a sale."""

    sale_calls: SaleCalls
    ledger: Ledger

    async def check(self, record: SaleRecord, *, count_sold: bool = True) -> None:
        """Raise StoreBehind when the store does not have the sale, or less than has happened.

        A sale that was just rebuilt is not counted: if it differs then, the ledger contradicts
        itself, and rebuilding it again would not help.
        """
        ref = SaleRef(record.uid, record.epoch, await self._least_revision(record))
        counted = record.provisioned and count_sold
        for _ in range(READINGS):
            # Sold first: what is sold by then, the store has at least held for as long.
            sold = await self.ledger.orders.sold_units(record.uid) if counted else 0
            head = await self.sale_calls.read(ref)
            if sold <= head.units.booked + head.units.held:
                return
        logger.warning("sale %s: %d units are sold, the store has fewer", record.name, sold)
        raise StoreBehind(record.uid, seen_revision=head.revision + 1, store_revision=head.revision)

    async def _least_revision(self, record: SaleRecord) -> int:
        checkpoint = await self.ledger.checkpoints.read(record.uid) if record.provisioned else None
        if checkpoint is None or checkpoint.epoch != record.epoch:
            return 0
        return checkpoint.revision
