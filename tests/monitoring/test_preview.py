import re

import pytest

from holdfast_monitoring.boards.sale import SALE, STATES
from holdfast_monitoring.panel import Dashboard, Drawing, Panel, Row, ValueFormat
from holdfast_monitoring.preview import Answers, formatted, page, span_of


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (1234.0, ValueFormat.COUNT, "1,234"),
        (0.125, ValueFormat.SHARE, "12.5%"),
        (0.0042, ValueFormat.SECONDS, "4.2 ms"),
        (600.0, ValueFormat.DURATION, "10 min"),
        (3 * 1024**2, ValueFormat.BYTES, "3 MiB"),
        (0.0, ValueFormat.BYTES, "0 B"),
        (0.0, ValueFormat.YES_NO, "no"),
    ],
)
def test_values_are_shown_in_their_unit(value: float, unit: ValueFormat, shown: str) -> None:
    assert formatted(value, unit) == shown


def _page(panel: Panel, *series: tuple[dict[str, str], list[float | None]]) -> str:
    board = Dashboard("board", "Board", "Shows.", (Row("Row", (panel,)),))
    (expression,) = panel.queries.values()
    return page(board, Answers(span_of(0, 5), {expression: series}))


def _panel(drawing: Drawing, names: tuple[str, ...] = ()) -> Panel:
    return Panel("Title", "Means.", "good.", {"{{kind}}": "x"}, drawing=drawing, names=names)


def test_states_are_as_long_as_they_lasted() -> None:
    shown = _page(_panel(Drawing.STATES, STATES), ({}, [0, 2, 2, 2, 3, 2]))
    runs = re.findall(r"flex: (\d)\">([a-z ]+)<", shown)
    assert runs == [("1", "scheduled"), ("3", "open"), ("1", "paused"), ("1", "open")]


def test_number_is_the_last_that_is_known_and_a_dash_without_one() -> None:
    assert ">7<small>now</small>" in _page(_panel(Drawing.NUMBER), ({"kind": "now"}, [3, 7, None]))
    assert ">-<" in _page(_panel(Drawing.NUMBER), ({}, [None]))


def test_labels_of_answers_are_not_read_as_markup() -> None:
    for drawing in (Drawing.NUMBER, Drawing.NAMES, Drawing.LINES, Drawing.BARS):
        assert "<i>" not in _page(_panel(drawing), ({"kind": "<i>"}, [1.0, 2.0]))


def test_every_panel_of_a_dashboard_is_on_its_page() -> None:
    empty = {text: () for panel in SALE.panels() for text in panel.queries.values()}
    shown = page(SALE, Answers(span_of(0, 5), empty))
    assert all(panel.title in shown for panel in SALE.panels())
