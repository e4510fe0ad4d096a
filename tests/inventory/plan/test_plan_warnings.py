from support.inventory.harness import FLOOR, PRICES, plan_json

from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.plan.warnings import (
    SEATS_SHOWN_MAX,
    WARNINGS_MAX,
    PlanWarning,
    plan_warnings,
)
from holdfast_inventory.settings import InventorySettings

ALL_PRICED = InventorySettings(prices=PRICES)


def found(text: bytes, settings: InventorySettings = ALL_PRICED) -> list[PlanWarning]:
    return plan_warnings(compile_plan(text, settings), settings)


def test_sound_plan_has_no_warnings() -> None:
    assert found(plan_json(["ABC", "AAA"], ["CC"])) == []


def test_seats_with_one_label_are_named() -> None:
    plan = plan_json(["AAA"]).replace(b'"seat_number":"3"', b'"seat_number":"1"')
    assert found(plan) == [
        PlanWarning("same_label", "2 seats read 'Z1, row 1, seat 1'.", ["z1-1-1", "z1-1-3"])
    ]


def test_seats_without_a_price_are_named_and_those_for_nothing_are_not() -> None:
    plan = plan_json(["AAB"])
    unpriced = InventorySettings(prices={"A": 0})
    assert found(plan, unpriced) == [
        PlanWarning("no_price", "1 units of the category 'B' have no price.", ["z1-1-3"], "B")
    ]


def test_areas_without_a_price_are_counted_by_their_capacity() -> None:
    settings = InventorySettings(areas=(FLOOR,))
    [warning] = plan_warnings(compile_plan(None, settings), settings)
    assert warning.category == FLOOR.category
    assert warning.detail.startswith(f"{FLOOR.capacity} units")


def test_warnings_are_bounded_and_say_how_many_more_there_are() -> None:
    seats = 2 * SEATS_SHOWN_MAX
    plan = plan_json(*[["A" * seats]] * (WARNINGS_MAX + 5))
    for number in range(2, seats + 1):
        plan = plan.replace(b'"seat_number":"%d"' % number, b'"seat_number":"1"')
    warnings = found(plan)
    assert len(warnings) == WARNINGS_MAX
    assert len(warnings[0].seats) == SEATS_SHOWN_MAX
    assert warnings[-1] == PlanWarning("more", "6 more are not listed.")
