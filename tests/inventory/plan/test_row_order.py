from collections.abc import Sequence

import msgspec
import pytest
from support.inventory.harness import PITCH, SETTINGS, InventoryHarness, plan_json

from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_lua import Executor
from holdfast_lua.calls.codes import Code

ODD_THEN_EVEN = (0, 2, 4, 1, 3, 5)
FROM_THE_MIDDLE = (4, 3, 5, 2, 6, 1, 7, 0)
BACKWARDS = (5, 4, 3, 2, 1, 0)


def plan_text(*rows: Sequence[int]) -> bytes:
    """One row each, its seats listed in the order of these places."""
    plan = msgspec.json.decode(plan_json(["A" * len(row) for row in rows]))
    for row, places in zip(plan["zones"][0]["rows"], rows, strict=True):
        for seat, place in zip(row["seats"], places, strict=True):
            seat["position"]["x"] = PITCH * place
    return msgspec.json.encode(plan)


def together(plan: Plan, places: Sequence[int]) -> list[tuple[int, int]]:
    """The pairs of places in the one row that the plan calls adjacent."""
    return [
        (places[at], places[at + 1]) for at in range(len(places) - 1) if plan.adjacent((at, at + 1))
    ]


@pytest.mark.parametrize("places", [ODD_THEN_EVEN, FROM_THE_MIDDLE, BACKWARDS])
def test_neighbours_have_nobody_between_them(places: Sequence[int]) -> None:
    pairs = together(compile_plan(plan_text(places), SETTINGS), places)
    assert all(abs(one - other) == 1 for one, other in pairs)
    assert len(pairs) == (len(places) - 1 if places == BACKWARDS else places == FROM_THE_MIDDLE)


def test_a_short_row_listed_by_number_is_judged_by_its_zone() -> None:
    plan = compile_plan(plan_text((0, 2, 1), ODD_THEN_EVEN), SETTINGS)
    assert not plan.adjacent((0, 1))
    assert plan.adjacent((1, 2))


async def test_best_available_seats_nobody_around_a_stranger(executor: Executor) -> None:
    harness = await InventoryHarness.install(executor, plan_text(FROM_THE_MIDDLE), SETTINGS)
    pair = await harness.hold(harness.choice(2))
    assert pair.hold is not None
    assert {FROM_THE_MIDDLE[seat] for seat in pair.hold.seats} == {4, 3}
    assert (await harness.hold(harness.choice(2))).code is Code.NOT_ENOUGH_TOGETHER
