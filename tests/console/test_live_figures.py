"""The sentence, the controls and the log, from documents of the API."""

from typing import Any

from holdfast_console.live_figures import charts, forecast, headline
from holdfast_console.screens.draw import step_of
from holdfast_console.screens.live_sale import (
    OFFERED,
    consequences,
    controls,
    number_in,
    undo_fields,
)
from holdfast_console.screens.log import changes_of
from holdfast_console.texts import LANGUAGES, Texts

EN = Texts("en")
AT = "2027-03-01T09:%02d:00Z"


def live(state: str = "open", **more: Any) -> dict[str, Any]:
    line = {
        "waiting": 4120,
        "active": 900,
        "active_max": 1000,
        "rate_set": 600,
        "rate_realised": 598,
    }
    return {
        "time": AT % 0, "state": state, "line": line, "stock": {"free": 7000, "held": 30}, **more
    }  # fmt: skip


def test_headline_says_who_waits_how_fast_and_when_all_is_sold() -> None:
    at = {"earliest": AT % 18, "expected": AT % 21, "latest": AT % 30}
    shown = live(forecast={"sold_out_at": at})
    assert headline(EN, shown) == "4,120 waiting, 598 a minute, sold out in about 21 min"
    assert forecast(EN, shown).startswith("Sold out between 18 min and 30 min from now")
    at = {"earliest": AT % 21, "expected": AT % 21, "latest": AT % 21}
    assert forecast(EN, live(forecast={"sold_out_at": at})) == ""


def test_headline_without_a_forecast_says_what_is_free() -> None:
    for missing in ({}, {"forecast": None}, {"forecast": {"sold_out_at": None}}):
        assert headline(EN, live(**missing)) == "4,120 waiting, 598 a minute, 7,000 free"
        assert forecast(EN, live(**missing)) == ""


def test_every_state_has_its_headline_and_its_controls_in_both_languages() -> None:
    for language in LANGUAGES:
        for state, operations in OFFERED.items():
            assert headline(Texts(language), live(state))
            offered = controls(Texts(language), live(state))
            assert [control.operation for control in offered] == list(operations)


def test_consequence_tells_how_many_it_concerns_and_whether_it_can_be_undone() -> None:
    said = consequences(EN, live(), "close")
    assert "4,120 who wait" in said[0]
    assert "30 units" in said[0]
    assert said[1] == "This cannot be undone."
    assert consequences(EN, live(), "pause")[1] == "This can be undone."


def test_undo_takes_back_what_was_done() -> None:
    assert undo_fields({"done": "pause"}) == {"do": "resume"}
    assert undo_fields({"done": "close"}) == {}
    changed = {"done": "changed", "undo_rate": "600", "undo_cap": "9"}
    assert undo_fields(changed) == {"do": "change", "rate": "600", "cap": "9"}
    assert undo_fields({"done": "changed", "undo_rate": "600"}) == {}
    assert undo_fields({}) == {}


def test_charts_are_drawn_of_the_series_that_are_there() -> None:
    series = {"waiting": [1, 2], "present": [1, None], "active": [0, 1], "held": [1, 1]}
    history = {"step_seconds": 10, "since": AT % 0, "series": series}
    drawn = charts(EN, live(history=history))
    assert len(drawn) == 1
    assert "Waiting: least 1, most 2, last 2" in drawn[0]
    assert charts(EN, live()) == []


def test_number_in_a_field_is_one_that_could_be_set() -> None:
    assert [number_in(text, 7) for text in (None, "", "x", "²", "-1", "1.5")] == [7] * 6
    assert [number_in(text, 7) for text in ("0", "600", "9999999999")] == [1, 600, 10**9]


def test_log_shows_what_differs_and_the_detail_where_nothing_does() -> None:
    before, after = (
        {"rate": 600, "message": None, "cap": 5},
        {"rate": 1200, "message": "Hi", "cap": 5},
    )
    changes = changes_of({"before": before, "after": after, "detail": {"x": 1}})
    assert changes == [("rate", "600", "1200"), ("message", "null", "Hi")]
    assert changes_of({"before": None, "after": None, "detail": {"seats": 3}}) == [
        ("seats", "", "3")
    ]
    assert changes_of({"before": None, "after": {"a": 1}, "detail": {}}) == [("a", "", "1")]
    assert changes_of({"before": {"a": 1}, "after": None, "detail": {}}) == [("a", "1", "")]


def test_step_of_a_draw() -> None:
    draw = {"method": "random", "commitment": "c", "closed_at": None, "sealed_at": None}
    assert step_of({**draw, "method": "fifo"}) == "none"
    assert step_of(draw) == "committed"
    assert step_of({**draw, "closed_at": "t"}) == "closed"
    assert step_of({**draw, "closed_at": "t", "sealed_at": "t"}) == "sealed"
