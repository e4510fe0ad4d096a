"""The channel that each seat of a plan is set aside for, from the allotments of a sale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from holdfast_inventory.settings import Allotment
from holdfast_web.errors import invalid

ZoneSeats = Callable[[str], Sequence[range]]
"""From the id or name of a zone to the seats of every zone that has it."""


def channels_of(
    allotments: Sequence[Allotment], zones: ZoneSeats, index: Mapping[str, int]
) -> list[str]:
    """The channel of each seat, empty for none; no list at all when nothing is set aside."""
    if not allotments:
        return []
    channels = [""] * len(index)
    for allotment in allotments:
        for seat in _seats(allotment, zones, index):
            if channels[seat] not in ("", allotment.channel):
                raise invalid("allotments", f"A seat is set aside for {channels[seat]!r} as well.")
            channels[seat] = allotment.channel
    return channels


def _seats(allotment: Allotment, zones: ZoneSeats, index: Mapping[str, int]) -> list[int]:
    unknown = [guid for guid in allotment.seats if guid not in index]
    if unknown:
        raise invalid("allotments", f"No seat {unknown[0]!r} in the plan.")
    seats = [index[guid] for guid in allotment.seats]
    for name in dict.fromkeys(allotment.zones):
        found = zones(name)
        if not found:
            raise invalid("allotments", f"No zone {name!r} in the plan.")
        seats += [seat for zone in found for seat in zone]
    return seats
