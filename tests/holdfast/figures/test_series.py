from support.points import point

from holdfast.figures.series import even_series
from holdfast_lua.history import STEP_MS, StoredHistory


def test_gap_keeps_its_places() -> None:
    points = (point(0, waiting=1), point(1, waiting=2), point(4, waiting=5))
    even = even_series(StoredHistory(STEP_MS, points))
    assert even.series["waiting"] == [1, 2, None, None, 5]
    assert {len(values) for values in even.series.values()} == {5}
    assert even.since_ms == points[0].at_ms
    assert even.free_by_category == {}


def test_category_that_came_later_is_unknown_before() -> None:
    points = (point(0, free_by_category={"A": 3}), point(1, free_by_category={"A": 2, "B": 9}))
    even = even_series(StoredHistory(STEP_MS, points), by_category=True)
    assert even.free_by_category == {"A": [3, 2], "B": [None, 9]}


def test_nothing_recorded_is_empty() -> None:
    even = even_series(StoredHistory(STEP_MS, ()))
    assert even.members()["since"] is None
    assert set(map(tuple, even.series.values())) == {()}
