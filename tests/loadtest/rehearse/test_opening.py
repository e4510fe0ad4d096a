"""From when on a run counts the time to sold out, as the simulation does: the opening."""

from datetime import UTC, datetime

from holdfast_loadtest.audit.findings import Check
from holdfast_loadtest.observations.figures import Figures, Stage
from holdfast_loadtest.observations.record import Observed
from holdfast_loadtest.report.measures import measure, opened_at
from holdfast_loadtest.report.sale_history import SaleHistory
from holdfast_loadtest.wire import Sale

STARTED = 1_800_000_000.0


def observed(*arrivals: float) -> Observed:
    """A run in which people arrive so many seconds after it has started."""
    figures = Figures()
    for seconds in arrivals:
        figures.count(Stage.ARRIVED, STARTED + seconds)
    return Observed(
        started=STARTED,
        ended=STARTED + 60,
        workers=1,
        step=1,
        rows=[],
        counts={},
        figures=figures,
        receipts=Check("receipts", "none"),
    )


def sale(start: float | None) -> Sale:
    return Sale(event_start_time=None if start is None else datetime.fromtimestamp(start, UTC))


def test_sale_without_a_lobby_opens_as_the_first_arrive() -> None:
    assert opened_at(observed(4.0, 2.25), sale(None)) == STARTED + 2.25
    assert opened_at(observed(2.25, 4.0), sale(STARTED - 600)) == STARTED + 2.25
    assert opened_at(observed(1.5), None) == STARTED + 1.5
    assert opened_at(observed(), None) == STARTED


def test_lobby_waits_for_the_start() -> None:
    assert opened_at(observed(2, 2.5, 3), sale(STARTED + 17)) == STARTED + 17
    history = SaleHistory(10, sold_out_at=STARTED + 50)
    figures = measure(observed(2, 2.5, 3), history, sale(STARTED + 17))
    assert figures["sold_out_s"] == 33.0
