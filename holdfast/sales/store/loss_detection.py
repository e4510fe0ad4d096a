"""Detects that the store has lost a sale or some of its writes, from what the ledger has.

Every script call carries the last revision that its process has seen, and fails on a store that is
behind it. A process that has just started has seen none, which after a power cut is true of all of
them. Then the ledger tells a loss in two ways: by the revision of the last checkpoint, and by the
units sold, which the store must at least hold. Neither is exact to the last write; the rest is the
store's own durability (docs/correctness.md).
"""

import logging
from dataclasses import dataclass
from typing import Final

from holdfast_ledger import Ledger, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.sale import SaleCalls
from holdfast_lua.errors import StoreBehind

READINGS: Final = 3
"""a refund between reading ledger and store looks like a loss, but not several times in a row"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LossDetector:
    """Compares what the store has of a sale with what the ledger says it must have."""

    sale_calls: SaleCalls
    ledger: Ledger

    async def check(self, record: SaleRecord, *, count_sold: bool = True) -> None:
        """Raises StoreBehind when the store does not have the sale, or less than has happened.

        Without `count_sold`, for a sale that was just rebuilt: if it differs then, the ledger
        contradicts itself, and rebuilding it again would not help.
        """
        ref = SaleRef(record.uid, record.epoch, await self._least_revision(record))
        counted = record.provisioned and count_sold
        for _ in range(READINGS):
            # Sold units are read first: the store holds them before the ledger has them sold.
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
