"""What large plans cost: twice as much of anything is twice the work, and not four times.

Work is counted, not timed: the lines that our modules run, the comparisons of names, the items
that are copied. Sorting makes it a little more than twice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, SupportsIndex

import msgspec
import pytest
from support.inventory.harness import FLOOR, plan_json

from holdfast_inventory.events.events import _withhold
from holdfast_inventory.holds.choice import CHOICES_KEPT, PLACES_KEPT, choices_kept
from holdfast_inventory.holds.hold_requests import BestAvailable, HoldBody, resolve
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.geometry import place_rows
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.plan.pretix import (
    CategoryEntry,
    Offset,
    PlanEntry,
    RowEntry,
    SeatEntry,
    ZoneEntry,
    read_plan,
)
from holdfast_inventory.plan.segments import make_segments
from holdfast_inventory.plan.text import clean_plan
from holdfast_inventory.plan.warnings import plan_warnings
from holdfast_inventory.settings import Allotment, InventorySettings
from holdfast_web.errors import HoldfastError

SMALL: Final = 150
TWICE: Final = 2.4
HALVES: Final = InventorySettings(areas=(FLOOR,))


class Work:
    """Counts while it is entered."""

    def __init__(self) -> None:
        self.done = 0

    def __enter__(self) -> Work:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, *_: object) -> Any:
        if "holdfast_inventory" not in frame.f_code.co_filename:
            return None
        self.done += 1
        return self._trace


class Name(str):
    """A name that counts how often it is compared with another."""

    __slots__ = ()
    work: Work

    def __eq__(self, other: object) -> bool:
        Name.work.done += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


class Number(int):
    """A number that counts how often it is compared."""

    work: Work

    def __eq__(self, other: object) -> bool:
        Number.work.done += 1
        return int.__eq__(self, other)

    __hash__ = int.__hash__


class Copied(list[str]):
    """A list that counts the items which its slices copy."""

    work: Work

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        taken = list.__getitem__(self, at)
        Copied.work.done += len(taken) if isinstance(at, slice) else 1
        return taken


def entry_of(zones: int, rows: int = 1, seats: int = 1, *, one_name: bool = False) -> PlanEntry:
    """Seats of two categories by turns, an aisle after each."""
    return PlanEntry(
        [CategoryEntry("A"), CategoryEntry("B")],
        [
            ZoneEntry(
                [
                    RowEntry(
                        [
                            SeatEntry(
                                Name(f"{zone}-{row}-{seat}"),
                                "AB"[seat % 2],
                                Offset(float(seat**2 * 20), 0.0),
                                str(seat),
                            )
                            for seat in range(seats)
                        ],
                        str(row),
                        Offset(0.0, row * 30.0),
                    )
                    for row in range(rows)
                ],
                name=Name("Box" if one_name else f"Box {zone}"),
                position=Offset(zone * 500.0, 0.0),
            )
            for zone in range(zones)
        ],
    )


def set_aside(zones: int) -> InventorySettings:
    names = tuple(Name(f"Box {zone}") for zone in range(zones))
    return InventorySettings(allotments=(Allotment("fans", zones=names),))


def compiled(size: int, **shape: Any) -> Plan:
    one_name = shape.pop("one_name", False)
    entry = entry_of(**{name: size if count is None else count for name, count in shape.items()},
                     one_name=one_name)  # fmt: skip
    return Plan(entry, msgspec.json.encode(entry, enc_hook=str), InventorySettings())


def read(size: int) -> None:
    text = plan_json(*[["AB", "A"]] * size, categories="AB")
    read_plan(text)
    clean_plan(text.replace(b'"Z', '"Zo\u0301'.encode()))
    with pytest.raises(HoldfastError):
        read_plan(text.replace(f'"z{size}-2-1"'.encode(), b"7"))


def hold_by_zones(size: int) -> None:
    plan = compiled(size, zones=None)
    names = tuple(Name(f"Box {zone}") for zone in range(size))
    resolve(HoldBody(best_available=BestAvailable(1, zones=names)), plan, InventorySettings())


def allotted(size: int) -> None:
    entry = entry_of(size)
    Plan(entry, msgspec.json.encode(entry, enc_hook=str), set_aside(size))


def allotted_row(size: int) -> None:
    rows = place_rows(entry_of(1, 1, size))
    make_segments(rows, (0.0, 0.0), Copied(["fans"] * size))


def told_of_a_release(size: int) -> None:
    entry = entry_of(size)
    plan = Plan(entry, msgspec.json.encode(entry, enc_hook=str), set_aside(size))
    inventory = SaleInventory("sale", None, plan, set_aside(size), None)  # type: ignore[arg-type]
    item: dict[str, object] = {"state": "f", "seats": list(map(Number, range(size))), "areas": []}
    _withhold(item, inventory, "")


def warned(size: int) -> None:
    plan_warnings(compiled(size, zones=None, one_name=True), HALVES)


CASES: Final[dict[str, Callable[[int], object]]] = {
    "zones": lambda size: compiled(size, zones=None),
    "zones of one name": lambda size: compiled(size, zones=None, one_name=True),
    "rows": lambda size: compiled(size, zones=1, rows=None),
    "seats of a row": lambda size: compiled(size, zones=1, rows=1, seats=None),
    "allotted zones": allotted,
    "an allotted row": allotted_row,
    "zones that a hold names": hold_by_zones,
    "seats that a release tells of": told_of_a_release,
    "reading": read,
    "warnings": warned,
}


def test_choices_of_a_large_plan_are_remembered_within_a_bound() -> None:
    """Every set of zones is a choice of its own, and each lists their row segments."""
    assert choices_kept(compiled(10, zones=None)) == CHOICES_KEPT
    plan = compiled(2_000, zones=1, rows=1, seats=None)
    assert choices_kept(plan) * len(plan.segments) <= PLACES_KEPT
    assert choices_kept(plan) < CHOICES_KEPT


def work_of(case: Callable[[int], object], size: int) -> int:
    with Work() as work:
        Name.work = Copied.work = Number.work = work
        case(size)
    return work.done


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_twice_the_plan_is_twice_the_work(case: Callable[[int], object]) -> None:
    once, twice = work_of(case, SMALL), work_of(case, 2 * SMALL)
    assert twice < TWICE * once, (once, twice)
