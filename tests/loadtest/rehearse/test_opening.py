"""From when on a run counts the time to sold out, as the simulation does: the opening."""

from datetime import UTC, datetime

from holdfast_loadtest.audit.findings import Check
from holdfast_loadtest.observations.figures import Figures, Stage
from holdfast_loadtest.observations.record import Observed
from holdfast_loadtest.observations.timeline import TimelineRow
from holdfast_loadtest.report.measures import measure, opened_at
from holdfast_loadtest.report.sale_history import SaleHistory
from holdfast_loadtest.wire import Sale

STARTED = 1_800_000_000.0


def observed(*arrivals: int) -> Observed:
    """A run of seconds with so many arrivals each."""
    rows = [TimelineRow(stages={Stage.ARRIVED.value: count} if count else {}) for count in arrivals]
    return Observed(
        started=STARTED,
        ended=STARTED + len(rows),
        workers=1,
        step=1,
        rows=rows,
        counts={},
        figures=Figures(),
        receipts=Check("receipts", "none"),
    )


def sale(start: float | None) -> Sale:
    return Sale(event_start_time=None if start is None else datetime.fromtimestamp(start, UTC))


def test_sale_without_a_lobby_opens_as_the_first_arrive() -> None:
    assert opened_at(observed(0, 0, 3, 4), sale(None)) == STARTED + 2.5
    assert opened_at(observed(0, 0, 3, 4), sale(STARTED - 600)) == STARTED + 2.5
    assert opened_at(observed(0, 5), None) == STARTED + 1.5


def test_lobby_waits_for_the_start() -> None:
    assert opened_at(observed(0, 2, 2, 2), sale(STARTED + 17)) == STARTED + 17
    history = SaleHistory(10, sold_out_at=STARTED + 50)
    figures = measure(observed(0, 2, 2, 2), history, sale(STARTED + 17))
    assert figures["sold_out_s"] == 33.0
