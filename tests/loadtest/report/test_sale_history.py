"""What the events say of units and passes over time."""

from typing import Any

import pytest

from holdfast_loadtest.audit.evidence import Evidence
from holdfast_loadtest.report.sale_history import SaleHistory, pace, read_history
from holdfast_loadtest.wire import AreaCounts, Event, Sale, SeatMap, Status

START = 1_777_629_600.0
"""2026-05-01T10:00:00Z"""


def history_of(
    *events: tuple[str, str, dict[str, Any]], states: str = "fff", capacity: int = 0
) -> SaleHistory:
    stream = tuple(
        Event(f"uid.1-{n}", kind, f"2026-05-01T10:00:{n:02d}.000Z", subject, data)
        for n, (kind, subject, data) in enumerate(events, 1)
    )
    areas = {"floor": AreaCounts(capacity=capacity)} if capacity else {}
    seat_map = SeatMap(states=states, areas=areas)
    return read_history(Evidence(Sale(), Status("open", 1), (), seat_map, (), stream))


def seats(*names: str) -> dict[str, Any]:
    return {"items": [{"seat": name} for name in names]}


def floor(quantity: int) -> dict[str, Any]:
    return {"items": [{"area": "floor", "quantity": quantity}]}


def test_a_hold_is_held_until_it_is_booked() -> None:
    history = history_of(
        ("hold.created", "h1", seats("a", "b")), ("order.confirmed", "h1", seats("a", "b"))
    )
    assert [history.held.at(START + s) for s in (0.5, 1.5, 2.5)] == [0, 2, 0]
    assert [history.booked.at(START + s) for s in (1.5, 2.5)] == [0, 2]
    assert history.orders == [START + 2]
    assert (history.lapsed, history.resold, history.sold_out_at) == (0, 0, None)


def test_seats_that_came_back_and_were_sold_are_resold() -> None:
    history = history_of(
        ("hold.created", "h1", seats("a", "b")),
        ("hold.expired", "h1", {}),
        ("hold.created", "h2", seats("b", "c")),
        ("order.confirmed", "h2", seats("b", "c")),
    )
    assert (history.lapsed, history.resold) == (2, 1)


@pytest.mark.parametrize(("sold", "resold"), [(3, 0), (8, 1), (10, 3)])
def test_units_of_an_area_that_must_have_come_back_are_resold(sold: int, resold: int) -> None:
    history = history_of(
        ("hold.created", "h1", floor(3)),
        ("hold.released", "h1", {}),
        ("hold.created", "h2", floor(sold)),
        ("order.confirmed", "h2", floor(sold)),
        states="",
        capacity=10,
    )
    assert (history.lapsed, history.resold) == (3, resold)


def test_sold_out_is_the_moment_of_the_last_unit() -> None:
    history = history_of(
        ("order.confirmed", "h1", seats("a")),
        ("order.confirmed", "h2", seats("b")),
        ("order.refunded", "h2", seats("b")),
        states="ffx",
    )
    assert history.sold_out_at == START + 2
    assert history.booked.at(START + 3) == 1


def test_passes_and_the_last_call_are_known() -> None:
    history = history_of(
        ("line.called", "1", {"first": 1, "last": 2}),
        ("pass.issued", "p1", {"number": 1}),
        ("line.called", "3", {"first": 3, "last": 3}),
    )
    assert (history.passes, history.last_call) == ([START + 2], START + 3)


def test_sessions_are_counted_until_they_end() -> None:
    history = history_of(
        ("pass.issued", "p1", {"number": 1}),
        ("pass.issued", "p2", {"number": 2}),
        ("pass.ended", "p1", {"reason": "expired"}),
        ("pass.ended", "p2", {"reason": "released"}),
        ("pass.issued", "p3", {"number": 3}),
    )
    assert [history.inside.at(START + s) for s in (0, 1, 2, 3, 4, 5)] == [0, 1, 2, 1, 0, 1]
    assert [history.inside.most(START + s) for s in (0, 2.5, 3, 4, 6)] == [2, 2, 1, 1, 1]
    assert history_of().inside.most(START) == 0


@pytest.mark.parametrize(
    ("times", "expected"), [([], None), ([1.0], None), ([1.0, 1.0], None), ([1.0, 2.0, 3.0], 1.0)]
)
def test_pace_needs_a_span(times: list[float], expected: float | None) -> None:
    assert pace(times) == expected
