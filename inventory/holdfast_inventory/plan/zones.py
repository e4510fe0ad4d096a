"""Zones of a plan: which seats each has, and by which names it is found.

A zone is named by its id or its name; zones of the same name are meant together. All of it is one
pass over the plan, so that a plan of forty thousand zones compiles in linear time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast_inventory.plan.pretix import PlanEntry, plan_error

ZONES_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and its half-open range of seats. `id` falls back to the name, then to the number."""

    id: str
    name: str
    first: int
    end: int


def make_zones(entry: PlanEntry) -> tuple[Zone, ...]:
    """The zones in plan order, each with an id of its own."""
    if len(entry.zones) > ZONES_MAX:
        raise plan_error("zones", f"{len(entry.zones)} are too many; at most {ZONES_MAX}")
    zones: list[Zone] = []
    taken: set[str] = set()
    first = 0
    for number, zone in enumerate(entry.zones, start=1):
        end = first + sum(len(row.seats) for row in zone.rows)
        identifier = zone.zone_id or zone.name or str(number)
        while identifier in taken:
            identifier = f"{identifier}#{number}"
        taken.add(identifier)
        zones.append(Zone(identifier, zone.name or identifier, first, end))
        first = end
    return tuple(zones)


def zones_by_name(zones: Sequence[Zone]) -> Mapping[str, Sequence[int]]:
    """The positions of the zones that a name, or an id, stands for."""
    named: dict[str, list[int]] = {}
    for at, zone in enumerate(zones):
        for name in {zone.id, zone.name}:
            named.setdefault(name, []).append(at)
    return named
