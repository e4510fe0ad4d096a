"""A run over time: every person in a row, in a bounded number of rows."""

import pytest

from holdfast_loadtest.observations.figures import Figures, Stage
from holdfast_loadtest.observations.timeline import MAX_ROWS, Timeline

START = 1_000.5


def arrivals(*seconds: float) -> Figures:
    figures = Figures()
    for second in seconds:
        figures.count(Stage.ARRIVED, second)
    return figures


def counts(timeline: Timeline) -> list[int]:
    return [row.stages.get("arrived", 0) for row in timeline.rows()]


def test_people_are_in_the_row_of_their_second() -> None:
    timeline = Timeline(START)
    timeline.add(arrivals(1_001, 1_003, 1_003, 1_005), 1_006)
    timeline.add(arrivals(1_003), 1_009)
    assert counts(timeline) == [1, 0, 3, 0, 1]


def test_what_was_before_the_start_is_in_the_first_row() -> None:
    timeline = Timeline(START)
    timeline.add(arrivals(1_000, 990), 1_001)
    assert counts(timeline) == [2]


@pytest.mark.parametrize(("seconds", "step"), [(MAX_ROWS, 1), (MAX_ROWS + 1, 2), (86_400, 64)])
def test_a_long_run_takes_no_more_rows_and_loses_nobody(seconds: int, step: int) -> None:
    timeline = Timeline(0.0)
    for second in range(0, seconds, 7):
        timeline.add(arrivals(second), second)
    timeline.add(arrivals(seconds - 1), seconds)
    assert timeline.step == step or seconds == MAX_ROWS
    assert len(timeline.rows()) <= MAX_ROWS
    assert sum(counts(timeline)) == len(range(0, seconds, 7)) + 1


def test_latencies_of_all_workers_in_a_row_are_one_distribution() -> None:
    timeline = Timeline(0.0)
    for latency in (0.1, 0.3):
        figures = Figures()
        for _ in range(10):
            figures.answered("join", latency, failed=False)
        timeline.add(figures, 3.2)
    row = timeline.rows()[3]
    assert row.p50 == pytest.approx(0.1, rel=0.02)
    assert row.p99 == pytest.approx(0.3, rel=0.02)


def test_what_was_slow_for_a_second_stays_visible() -> None:
    timeline = Timeline(0.0)
    for second in range(MAX_ROWS + 100):
        figures = Figures()
        figures.answered("join", 5.0 if second == 50 else 0.1, failed=False)
        timeline.add(figures, second)
        timeline.add_cores(second, 1.5 if second == 80 else 0.5)
    rows = timeline.rows()
    assert rows[25].p99 == pytest.approx(5.0, rel=0.02)
    assert rows[40].service_cores == 1.5
    assert rows[41].service_cores == 0.5
