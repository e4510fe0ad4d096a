"""Warnings about a seating plan that can be used but probably has a mistake.

Two seats with the same label send two people to one chair, and seats without a price are free of
charge. Either may be intended, so neither is refused by itself: the answer lists them, and with
`strict` the request is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings

WARNINGS_MAX: Final = 50
SEATS_SHOWN_MAX: Final = 10


class PlanWarning(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finding as the API shows it: `seats` are the guids of the first that it is about."""

    code: str
    detail: str
    seats: list[str] = []
    category: str | None = None


def plan_warnings(plan: Plan, settings: InventorySettings) -> list[PlanWarning]:
    """The warnings about a plan, at most WARNINGS_MAX."""
    found = [*_unpriced(plan, settings), *_labelled_alike(plan)]
    shown = found[:WARNINGS_MAX]
    if len(found) > len(shown):
        shown[-1] = PlanWarning("more", f"{len(found) - len(shown) + 1} more are not listed.")
    return shown


def _unpriced(plan: Plan, settings: InventorySettings) -> Iterator[PlanWarning]:
    """Categories that are on sale without a price."""
    units = Counter(plan.category_seats())
    for area in settings.areas:
        units[area.category] += area.capacity
    for category in sorted(name for name, count in units.items() if count):
        if category not in settings.prices:
            detail = f"{units[category]} units of the category {category!r} have no price."
            of_it = (at for at in range(len(plan)) if plan.kind(at).category == category)
            seats = [plan.guids[at] for at in islice(of_it, SEATS_SHOWN_MAX)]
            yield PlanWarning("no_price", detail, seats, category)


def _labelled_alike(plan: Plan) -> Iterator[PlanWarning]:
    """Seats that have one label together, in plan order."""
    labelled: dict[str, list[int]] = {}
    for at in range(len(plan)):
        labelled.setdefault(plan.label(at), []).append(at)
    for label, seats in labelled.items():
        if len(seats) > 1:
            guids = [plan.guids[at] for at in seats[:SEATS_SHOWN_MAX]]
            yield PlanWarning("same_label", f"{len(seats)} seats read {label!r}.", guids)
