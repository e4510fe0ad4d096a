"""A sale's draw in the ledger: the starts that were announced for it, and what has sealed it.

Whoever could move the start of a draw unseen could close its lobby at a moment of their choice and
say that it had always been meant so. So each start is kept with the store's time of its
announcement, first the one that the commitment covers, and all of them are published.
"""

from typing import Final

from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec
from holdfast.sales.translate import epoch_ms
from holdfast_inventory.ledger import DrawRecord, Ledger, SaleRecord
from holdfast_queue.draw import Sealed
from holdfast_web.errors import ErrorCode, HoldfastError, invalid

STARTS_MAX: Final = 50


def starts_with(record: SaleRecord, spec: SaleSpec, now_ms: int) -> tuple[tuple[int, int], ...]:
    """The record's starts, and that of `spec` where it is another.

    None stay none: a draw that was committed to without a start is drawn so.
    """
    starts, start_ms = record.draw_starts, epoch_ms(spec.event_start_time)
    if not starts or starts[-1][0] == start_ms:
        return starts
    return (*starts, (start_ms, now_ms))


async def check_start(sale: Sale, spec: SaleSpec) -> None:
    """Refuses a new start that lies before what has happened in the lobby already.

    That the start of a sale which has opened stays as it was is the store's to say.
    """
    start_ms = epoch_ms(spec.event_start_time)
    if start_ms == epoch_ms(sale.spec.event_start_time):
        return
    advanced = await sale.room.tick()
    if advanced.status.phase == "lobby" and start_ms <= advanced.now_ms:
        raise HoldfastError(ErrorCode.START_PASSED)
    if len(sale.record.draw_starts) >= STARTS_MAX:
        raise invalid("event_start_time", f"A drawn sale announces at most {STARTS_MAX} starts.")


async def seal_draw(ledger: Ledger, uid: str, epoch: int, wished: Sealed) -> Sealed:
    """What the ledger has sealed the draw with: this, or what came before it."""
    record = DrawRecord(
        uid,
        wished.entrants,
        wished.accumulator,
        wished.beacon,
        sealed_ms=wished.sealed_ms,
        closed_ms=wished.closed_ms,
    )
    held = await ledger.draws.seal(record, epoch=epoch)
    return Sealed(held.entrants, held.accumulator, held.beacon, held.closed_ms, held.sealed_ms)
