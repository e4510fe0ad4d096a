"""Each check of the event stream: honest ones pass, each kind of doctored stream is found out."""

from typing import Any

import pytest

from holdfast_loadtest.audit.event_checks import events_are_ledger, gap_free, replay
from holdfast_loadtest.audit.facts import UnreadableEvent, cursor_of
from holdfast_loadtest.wire import AreaCounts, Event, Item, Order, SeatMap

GUIDS = ("A-1", "A-2", "A-3")


def event(
    seq: int, kind: str, hold: str = "h1", *seats: str, epoch: int = 1, floor: int = 0
) -> Event:
    items: list[dict[str, Any]] = [{"seat": seat} for seat in seats]
    if floor:
        items.append({"area": "floor", "quantity": floor})
    data = {"items": items} if items else {}
    return Event(f"uid.{epoch}-{seq}", kind, "2026-05-01T10:00:00.000Z", hold, data)


def shown(states: str, taken: int = 0) -> SeatMap:
    return SeatMap(states=states, areas={"floor": AreaCounts(5 - taken, 0, taken, 5)})


SOLD = [
    event(1, "hold.created", "h1", "A-1", "A-2"),
    event(2, "hold.created", "h2", "A-3", floor=2),
    event(3, "order.confirmed", "h1"),
    event(4, "hold.expired", "h2"),
    event(5, "hold.created", "h3", "A-3"),
]


def test_gap_free_accepts_each_epoch_from_one() -> None:
    assert gap_free([*SOLD, event(1, "inventory.rebuilt", epoch=2)]).held


@pytest.mark.parametrize(
    ("cursors", "finding"),
    [
        ([(1, 1), (1, 3)], "event 1-3 where 1-2 was due"),
        ([(1, 1), (1, 1)], "event 1-1 where 1-2 was due"),
        ([(1, 2)], "event 1-2 where 1-1 was due"),
        ([(1, 1), (2, 2)], "event 2-2 where 2-1 was due"),
        ([(2, 1), (1, 1)], "event 1-1 follows 2-1"),
    ],
)
def test_gaps_and_repetitions_are_found(cursors: list[tuple[int, int]], finding: str) -> None:
    check = gap_free([event(seq, "hold.created", epoch=epoch) for epoch, seq in cursors])
    assert finding in check.findings


@pytest.mark.parametrize("id", ["uid.1", "uid.x-1", "uid.1-", "", "1-1-1"])
def test_an_event_id_without_a_cursor_is_an_error(id: str) -> None:
    with pytest.raises(UnreadableEvent):
        cursor_of(Event(id, "hold.created"))


def test_events_are_ledger_accepts_each_order_announced_once() -> None:
    assert events_are_ledger(SOLD, [Order("h1", "confirmed"), Order("h2", "void")]).held
    assert events_are_ledger(SOLD, [Order("h1", "refunded")]).held


@pytest.mark.parametrize(
    ("events", "orders", "finding"),
    [
        (SOLD, [], "order h1 was announced and is not sold"),
        (SOLD, [Order("h1", "pending")], "order h1 was announced and is not sold"),
        (
            SOLD,
            [Order("h1", "confirmed"), Order("h3", "confirmed")],
            "order h3 was never announced",
        ),
        (
            [*SOLD, event(6, "order.confirmed", "h1")],
            [Order("h1", "confirmed")],
            "order h1 was announced 2 times",
        ),
    ],
)
def test_a_stream_that_differs_from_the_ledger_is_found(
    events: list[Event], orders: list[Order], finding: str
) -> None:
    assert finding in events_are_ledger(events, orders).findings


def test_an_event_lost_with_the_store_is_no_fault() -> None:
    events = [*SOLD, event(1, "inventory.rebuilt", epoch=2)]
    orders = [Order("h1", "confirmed"), Order("h3", "confirmed", items=[Item(seat="A-3")])]
    assert events_are_ledger(events, orders).held


def test_replay_ends_at_the_seat_map() -> None:
    assert replay(SOLD, GUIDS, shown("bbh")).held


@pytest.mark.parametrize("states", ["bbf", "bfh", "hbh", "bbb"])
def test_replay_finds_a_map_that_differs(states: str) -> None:
    assert not replay(SOLD, GUIDS, shown(states)).held


def test_replay_finds_a_seat_in_two_hands() -> None:
    check = replay([*SOLD, event(6, "hold.created", "h4", "A-3")], GUIDS, shown("bbh"))
    assert check.findings == ("event 1-6: seat A-3 goes to hold h4 while hold h3 has it",)


def test_replay_finds_a_booked_seat_held_again() -> None:
    check = replay([*SOLD, event(6, "hold.created", "h4", "A-1")], GUIDS, shown("hbh"))
    assert "event 1-6: seat A-1 goes to hold h4 while hold h1 has it" in check.findings


def test_replay_finds_an_expiry_of_what_is_booked() -> None:
    check = replay([*SOLD, event(6, "hold.expired", "h1")], GUIDS, shown("ffh"))
    assert check.findings == ("event 1-6: hold.expired of hold h1, which is booked",)


def test_replay_finds_an_area_beyond_its_capacity() -> None:
    events = [event(1, "hold.created", "h1", floor=3), event(2, "hold.created", "h2", floor=3)]
    check = replay(events, (), shown("", taken=6))
    assert check.findings == ("event 1-2: area floor has 6 of 5 taken",)


def test_replay_finds_area_places_that_never_came_back() -> None:
    events = [event(1, "hold.created", "h1", floor=3), event(2, "hold.expired", "h1")]
    assert replay(events, (), shown("", taken=0)).held
    check = replay(events, (), shown("", taken=3))
    assert check.findings == ("area floor has 3 taken on the map, 0 by the stream",)


def test_replay_accepts_a_late_payment_that_got_its_seats_back() -> None:
    late = [event(1, "hold.created", "h1", "A-1"), event(2, "hold.expired", "h1")]
    assert replay([*late, event(3, "order.confirmed", "h1")], GUIDS, shown("bff")).held


def test_replay_finds_a_late_payment_that_took_a_held_seat() -> None:
    late = [event(1, "hold.created", "h1", "A-1"), event(2, "hold.expired", "h1")]
    taken = event(3, "hold.created", "h2", "A-1")
    check = replay([*late, taken, event(4, "order.confirmed", "h1")], GUIDS, shown("bff"))
    assert "event 1-4: seat A-1 goes to hold h1 while hold h2 has it" in check.findings


def test_replay_gives_back_what_was_refunded() -> None:
    refunded = event(6, "order.refunded", "h1", "A-2")
    assert replay([*SOLD, refunded], GUIDS, shown("bfh")).held
    assert not replay([*SOLD, refunded], GUIDS, shown("bbh")).held


def test_replay_of_a_stream_that_begins_after_a_loss_is_not_the_whole_map() -> None:
    rebuilt = [event(1, "inventory.rebuilt", "", epoch=2)]
    assert replay(rebuilt, GUIDS, shown("bbf")).held
    assert events_are_ledger(rebuilt, [Order("h1", "confirmed")]).held


def test_replay_forgets_unpaid_holds_with_a_lost_store_but_nothing_booked() -> None:
    rebuilt = event(1, "inventory.rebuilt", "", epoch=2)
    again = event(2, "hold.created", "h9", "A-3", epoch=2)
    assert replay([*SOLD, rebuilt, again], GUIDS, shown("bbh")).held
    twice = event(2, "hold.created", "h9", "A-1", epoch=2)
    assert not replay([*SOLD, rebuilt, twice], GUIDS, shown("hbh")).held
