"""The history of a sale as a report has it: evenly spaced, bounded, and honest about gaps."""

from functools import partial
from typing import Any

from support.sales.worker import Worker

from holdfast.report.event_scan import CalledRange
from holdfast.report.report import Reporter
from holdfast.report.sale_history import LENGTH_MAX, evenly_spaced, read_history
from holdfast_lua.calls.records import Point
from holdfast_lua.history import STEP_MS, HistoryCalls, StoredHistory
from holdfast_metrics.metrics import Metrics


def point(at_ms: int, **figures: Any) -> Point:
    needed = Point.__struct_fields__[: -len(Point.__struct_defaults__)]
    required = dict.fromkeys(needed, 0)
    return Point(**{**required, "at_ms": at_ms, **figures})


def history(*points: Point, step_ms: int = 10_000) -> Any:
    found = evenly_spaced(StoredHistory(step_ms, points))
    assert found is not None
    return found


def test_points_stand_on_their_grid_with_gaps_between() -> None:
    found = history(point(40_000, waiting=5), point(50_000, waiting=6), point(80_000, waiting=9))
    assert (found.start_ms, found.step_ms) == (40_000, 10_000)
    assert found.of("waiting") == [5, 6, None, None, 9]
    assert found.of("nothing") == ()


def test_long_rest_makes_steps_longer_and_no_more_of_them() -> None:
    found = history(point(0, joined=1), point(10_000, joined=2), point(10**9, joined=7))
    assert len(found.of("joined")) <= LENGTH_MAX
    assert [joined for joined in found.of("joined") if joined is not None] == [2, 7]
    assert found.start_ms == 0


def test_calls_are_told_by_their_growth() -> None:
    found = history(point(0, called=0), point(10_000, called=4), point(40_000, called=6))
    assert found.calls() == [CalledRange(10_000, 1, 4), CalledRange(40_000, 5, 6)]


def test_nothing_recorded_is_no_history() -> None:
    assert evenly_spaced(StoredHistory(10_000, ())) is None


async def test_report_tells_waits_by_what_the_store_recorded(worker: Worker) -> None:
    sale = await worker.create("night")
    for _ in range(3):
        await worker.claim("night", await worker.join("night"))
    calls = HistoryCalls(worker.executor)
    now_ms = sale.room.document.now_ms // STEP_MS * STEP_MS
    joined_ms = now_ms - 3 * STEP_MS
    assert await calls.record(sale.ref, point(joined_ms, joined=3, wait_s=20, rate_set=600))
    reporter = Reporter(worker.ledger, Metrics(), partial(read_history, calls))
    report: Any = await reporter.report(sale)
    [row] = report["waits"]["rows"]
    assert (row["visitors"], row["promised_seconds"]) == (3, 20)
    # The sale was opened after that point, and nobody waits before it is.
    assert row["joined_at"] == report["period"]["opened_at"]
    assert 0 < row["p50_seconds"] < 3 * STEP_MS / 1000
    assert report["history"]["series"]["rate_set"] == [600]
    assert "history" not in [one["code"] for one in report["missing"]]
