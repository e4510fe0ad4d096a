"""Each check of what was sold: honest books pass, each kind of doctored book is found out."""

import time

import msgspec
import pytest

from holdfast_loadtest.audit.journal import Confirmed, Journal, Paid, RefundRequired
from holdfast_loadtest.audit.stock_checks import (
    areas_are_ledger,
    map_is_ledger,
    no_seat_twice,
    payments_are_answered,
    receipts_are_kept,
    within_limit,
)
from holdfast_loadtest.wire import AreaCounts, Counts, Item, Order, SeatMap

GUIDS = ("A-1", "A-2", "A-3", "A-4")


def order(
    id: str, *seats: str, buyer: str = "ann", status: str = "confirmed", floor: int = 0
) -> Order:
    items = [Item(seat=seat, price=1000) for seat in seats]
    if floor:
        items.append(Item(area="floor", quantity=floor, price=500))
    return Order(id, status, buyer, items, amount=1000 * len(seats) + 500 * floor)


def seat_map(states: str, *, held: int = 0, booked: int = 0, capacity: int = 10) -> SeatMap:
    floor = AreaCounts(capacity - held - booked, held, booked, capacity)
    counts = Counts(
        states.count("f") + floor.free, states.count("h") + held, states.count("b") + booked
    )
    return SeatMap(counts=counts, states=states, areas={"floor": floor})


def receipt(made: Order) -> Confirmed:
    return Confirmed(made.id, made.items, made.amount or 0)


BOOKS = [order("o1", "A-1", "A-2"), order("o2", "A-4", buyer="bob", floor=3)]


def test_honest_books_hold_every_promise() -> None:
    shown = seat_map("bbfb", booked=3)
    assert no_seat_twice(BOOKS).held
    assert map_is_ledger(BOOKS, GUIDS, shown).held
    assert areas_are_ledger(BOOKS, shown).held
    assert within_limit(BOOKS, 4).held
    assert receipts_are_kept(BOOKS, [receipt(made) for made in BOOKS], []).held


def test_no_seat_twice_names_the_seat_and_both_orders() -> None:
    check = no_seat_twice([*BOOKS, order("o3", "A-2", buyer="eve")])
    assert not check.held
    assert check.findings == ("seat A-2 is in orders o1, o3",)


@pytest.mark.parametrize("status", ["pending", "refund_required", "void", "refunded"])
def test_no_seat_twice_ignores_orders_that_own_nothing(status: str) -> None:
    assert no_seat_twice([*BOOKS, order("o3", "A-2", status=status)]).held


def test_no_seat_twice_ignores_a_seat_that_was_given_back() -> None:
    returned = order("o3", "A-2", "A-3", status="partially_refunded")
    returned.items[0] = msgspec.structs.replace(returned.items[0], refunded=1)
    assert no_seat_twice([*BOOKS, returned]).held


@pytest.mark.parametrize(
    ("states", "finding"),
    [
        ("bbbb", "seat A-3 is booked on the map and in no order"),
        ("bffb", "seat A-2 is 'f' on the map and sold by order o1"),
        ("bhfb", "seat A-2 is 'h' on the map and sold by order o1"),
        ("bxfb", "seat A-2 is 'x' on the map and sold by order o1"),
        ("bbf", "the plan has 4 seats, the map 3"),
    ],
)
def test_map_is_ledger_finds_each_difference(states: str, finding: str) -> None:
    check = map_is_ledger(BOOKS, GUIDS, seat_map(states, booked=3))
    assert finding in check.findings


def test_map_is_ledger_finds_a_sold_seat_outside_the_plan() -> None:
    check = map_is_ledger([*BOOKS, order("o3", "Z-9")], GUIDS, seat_map("bbfb", booked=3))
    assert check.findings == ("seat Z-9 of order o3 is not in the plan",)


def test_map_is_ledger_finds_counts_that_do_not_add_up() -> None:
    shown = seat_map("bbfb", booked=3)
    shown.counts.free += 1
    check = map_is_ledger(BOOKS, GUIDS, shown)
    assert check.findings == ("counts.free is 9, seats and areas make 8",)


def test_areas_are_ledger_finds_an_oversold_area() -> None:
    check = areas_are_ledger(BOOKS, seat_map("bbfb", booked=3, capacity=2))
    assert "area floor sold 3 of 2" in check.findings


def test_areas_are_ledger_finds_a_map_that_shows_another_number() -> None:
    check = areas_are_ledger(BOOKS, seat_map("bbfb", booked=2))
    assert check.findings == ("area floor shows 2 booked, the ledger 3",)


def test_areas_are_ledger_finds_an_area_that_is_not_on_the_map() -> None:
    check = areas_are_ledger(BOOKS, SeatMap())
    assert check.findings == ("area floor sold 3 and is not on the map",)


def test_areas_are_ledger_finds_places_that_vanished() -> None:
    shown = seat_map("bbfb", booked=3)
    shown.areas["floor"].free -= 1
    assert not areas_are_ledger(BOOKS, shown).held


def test_within_limit_adds_up_all_orders_of_a_buyer() -> None:
    check = within_limit([*BOOKS, order("o3", "A-3", buyer="bob")], 4)
    assert check.findings == ("buyer bob owns 5 of 4 allowed",)


def test_receipts_finds_a_confirmed_order_that_is_not_in_the_ledger() -> None:
    check = receipts_are_kept(BOOKS[:1], [receipt(made) for made in BOOKS], [])
    assert check.findings == ("order o2 was confirmed to its buyer and is absent",)


@pytest.mark.parametrize("status", ["pending", "refund_required", "void"])
def test_receipts_finds_a_confirmed_order_that_owns_nothing(status: str) -> None:
    lost = [BOOKS[0], order("o2", "A-4", buyer="bob", floor=3, status=status)]
    check = receipts_are_kept(lost, [receipt(made) for made in BOOKS], [])
    assert check.findings == (f"order o2 was confirmed to its buyer and is {status}",)


def test_receipts_accepts_an_order_refunded_since() -> None:
    since = [BOOKS[0], order("o2", "A-4", buyer="bob", floor=3, status="refunded")]
    assert receipts_are_kept(since, [receipt(made) for made in BOOKS], []).held


def test_receipts_finds_another_seat_than_was_promised() -> None:
    promised = receipt(order("o1", "A-1", "A-3"))
    check = receipts_are_kept(BOOKS, [promised], [])
    assert check.findings == ("order o1 has other units than its receipt",)


def test_receipts_finds_another_amount_than_was_promised() -> None:
    promised = Confirmed("o1", BOOKS[0].items, 1)
    check = receipts_are_kept(BOOKS, [promised], [])
    assert check.findings == ("order o1 took 2000, the receipt says 1 (minor units)",)


def test_receipts_finds_a_refused_buyer_whose_order_owns_seats() -> None:
    check = receipts_are_kept(BOOKS, [], [RefundRequired("o1")])
    assert check.findings == ("order o1 was refused to its buyer and owns its units",)


def paid(*entries: Paid | Confirmed | RefundRequired) -> Journal:
    journal = Journal()
    for entry in entries:
        journal.record(entry)
    return journal


@pytest.mark.parametrize(
    "status", ["confirmed", "partially_refunded", "refunded", "refund_required"]
)
def test_payments_may_be_answered_by_the_ledger(status: str) -> None:
    """Given a shop that never heard what became of its confirm, the books say it."""
    assert payments_are_answered([order("o3", "A-3", status=status)], paid(Paid("o3"))).held


def test_payments_may_be_answered_with_a_refund() -> None:
    assert payments_are_answered([], paid(Paid("o3"), RefundRequired("o3"))).held


@pytest.mark.parametrize("status", ["pending", "void"])
def test_payments_finds_who_paid_and_got_neither_units_nor_refund(status: str) -> None:
    for orders in ([], [order("o3", "A-3", status=status)]):
        check = payments_are_answered(orders, paid(Paid("o2"), receipt(BOOKS[1]), Paid("o3")))
        assert check.findings == ("hold o3 was paid, and its buyer has neither units nor a refund",)


def test_payments_of_a_large_crowd_are_checked_within_moments() -> None:
    """Each payment is looked up: a set made anew for each takes a quarter of a minute here."""
    ids = [f"o{number}" for number in range(20_000)]
    orders, journal = [order(one, one) for one in ids], paid(*map(Paid, ids))
    began = time.process_time()
    assert payments_are_answered(orders, journal).held
    assert time.process_time() - began < 2
