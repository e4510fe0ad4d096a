"""The starts that are announced for the draw of a sale, and when they may be moved.

Whoever could move the start of a draw unseen could close its lobby at a moment of their choice. So
each start is kept with the store time of its announcement, first the one that the commitment
covers, and all of them are published.
"""

from typing import Final

from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec
from holdfast_ledger import SaleRecord
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.timestamps import unix_ms

STARTS_MAX: Final = 50


def starts_with(record: SaleRecord, spec: SaleSpec, now_ms: int) -> tuple[tuple[int, int], ...]:
    """The record's starts, with the start of `spec` added when it differs from the last. A draw
    that was committed to without a start keeps none.
    """
    starts, start_ms = record.draw_starts, unix_ms(spec.event_start_time)
    if not starts or starts[-1][0] == start_ms:
        return starts
    return (*starts, (start_ms, now_ms))


async def check_start(sale: Sale, spec: SaleSpec) -> None:
    """Refuses times that contradict what has happened in the lobby already. The store checks that
    the start of an open sale does not change.
    """
    moved = unix_ms(spec.event_start_time) != unix_ms(sale.spec.event_start_time)
    if not moved and spec.prequeue_start_time == sale.spec.prequeue_start_time:
        return
    advanced = await sale.room.tick()
    if advanced.status.phase == "lobby":
        _check_open_lobby(sale, spec, advanced.now_ms)
    if moved and len(sale.record.draw_starts) >= STARTS_MAX:
        raise invalid("event_start_time", f"A drawn sale announces at most {STARTS_MAX} starts.")


def _check_open_lobby(sale: Sale, spec: SaleSpec, now_ms: int) -> None:
    """A lobby that takes nobody any more has its order: who knows the secret of a draw could choose
    the moment for that, and still close it at the start that was announced.
    """
    if unix_ms(spec.event_start_time) <= now_ms:
        raise HoldfastError(ErrorCode.START_PASSED)
    if sale.record.draw_starts and not 0 < unix_ms(spec.prequeue_start_time) <= now_ms:
        raise HoldfastError(
            ErrorCode.SALE_STARTED, "The lobby of a draw is open, and stays so until the start."
        )
