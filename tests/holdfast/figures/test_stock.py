from support.api_client import ALL_PRICES, PLAN

from holdfast.figures.stock import category_ranges, count_stock
from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import Area, InventorySettings
from holdfast_lua.calls.hold_terms import SeatsReading

FLOOR = Area("floor", "Floor", 100, "GA")
SETTINGS = InventorySettings(prices=ALL_PRICES, areas=(FLOOR,))


def test_each_seat_and_unit_is_counted_once() -> None:
    plan = compile_plan(PLAN.read_bytes(), SETTINGS)
    letters = b"fhbx"
    states = bytes(letters[seat % 4] for seat in range(len(plan)))
    reading = SeatsReading(1, 0, 1, (1, 1), states, 0, 0, 0, 0, ((90, 4),), overdue=False)
    stock = count_stock(SeatMap(reading, plan, SETTINGS))
    wanted: dict[str, dict[str, int]] = {}
    for seat, state in enumerate(states):
        units = wanted.setdefault(plan.kind(seat).category, dict.fromkeys("fhbx", 0))
        units[chr(state)] += 1
    for category, units in wanted.items():
        assert list(stock.categories[category].values()) == list(units.values())
    assert stock.areas == {"floor": {"free": 90, "held": 4, "booked": 6}}
    assert stock.categories["GA"] == {"free": 90, "held": 4, "booked": 6, "blocked": 0}
    total = sum(sum(units.values()) for units in stock.categories.values())
    assert total == len(plan) + 100


def test_runs_cover_the_plan_without_overlap() -> None:
    plan = compile_plan(PLAN.read_bytes(), SETTINGS)
    at = 0
    for first, end, category in category_ranges(plan):
        assert first == at
        assert plan.kind(first).category == plan.kind(end - 1).category == category
        at = end
    assert at == len(plan)
