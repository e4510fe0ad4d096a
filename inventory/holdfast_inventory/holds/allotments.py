"""Allotments: seats that are set aside for buyers with a channel.

The channel of a seat is part of its class, like its category: row segments end where it changes,
and best available searches, inside the script, only the classes that the buyer may have. A request
for named seats carries the classes that the buyer may not have, and the script refuses seats of
those. Each request also carries the classes and areas that are open to it (`opened_names`), and of
what the store counts apart the script gives nothing else. So a request without the channel cannot
get such a seat or unit, and a sale without allotments pays next to nothing. The channel of a seat
never changes, and a released channel stays released. So a worker that has not learnt of a release
yet refuses a little longer, and none ever sells what it may not.

How many units the line may count on is decided by the store: it counts apart what is set aside for
others than the visitors in line (inventory.lua), by the names of `AllottedUnits`, until a release
(releases.py).

Rejected: a state of its own in the map, or a table that the script looks into. Both cost every hold
something, while the classes that a buyer may have are known before the script runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.records import SeatState

_FREE: Final = SeatState.FREE.byte
_BLOCKED: Final = SeatState.BLOCKED.byte


def shown_states(
    states: bytes, set_aside: Sequence[tuple[int, str]], settings: InventorySettings, channel: str
) -> bytes:
    """The states shown to a buyer with `channel` (empty: none): free seats of others are `x`."""
    if not set_aside:
        return states
    shown, carried = bytearray(states), frozenset({channel})
    for seat, to in set_aside:
        if shown[seat] == _FREE and settings.withheld(to, carried):
            shown[seat] = _BLOCKED
    return bytes(shown)


class AllottedUnits:
    """What is set aside for others than the visitors in line, by the plan and these settings."""

    def __init__(self, plan: Plan, settings: InventorySettings) -> None:
        self._kinds = [
            at for at, kind in enumerate(plan.kinds) if settings.withheld_from_line(kind.channel)
        ]
        self._areas = [
            at
            for at, area in enumerate(settings.areas)
            if settings.withheld_from_line(area.channel)
        ]
        self._plan = plan

    @property
    def names(self) -> str:
        """Their names in the store: ` <class * levels> ... a<area> ... `, empty for none."""
        kinds = [str(kind * self._plan.levels) for kind in self._kinds]
        names = kinds + [f"a{area}" for area in self._areas]
        return f" {' '.join(names)} " if names else ""

    def count(self, states: bytes | bytearray, state: int, units: Sequence[int]) -> int:
        """How many seats in a state, and `units` of areas, are allotted to others."""
        seats = sum(
            states.count(state, segment.first, segment.first + segment.length)
            for segment in self._plan.segments
            if segment.kind in self._kinds
        )
        return seats + sum(units[area] for area in self._areas)


def opened_names(plan: Plan, settings: InventorySettings, channels: frozenset[str]) -> str:
    """The names of what is, or was, set aside and is open to a buyer with these channels."""

    def is_open(channel: str) -> bool:
        return channel != "" and not settings.withheld(channel, channels)

    kinds = [str(at * plan.levels) for at, kind in enumerate(plan.kinds) if is_open(kind.channel)]
    areas = [f"a{at}" for at, area in enumerate(settings.areas) if is_open(area.channel)]
    return f" {' '.join(kinds + areas)} " if kinds or areas else ""
