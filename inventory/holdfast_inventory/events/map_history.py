"""What has changed in the seat map lately, for those who know an earlier one.

Net changes say what the seats that have changed since an earlier map are now, and what the areas
that have changed have now; not what happened in between. A history keeps which seats each reading
has changed, and tells the net changes since any of them.

Invariant: net changes since a map, applied to that map or to any later one of the same history,
make the present one. So messages may be merged or repeated, and a reader whose map is not
remembered is given the whole one. A map that another process has read, or to which single changes
were added, is of no history: what came and went between two readings is not told.

A map is known by its `etag`, which tells revisions, releases and sales apart where the cursor of
the last event does not. Readings after which all seats are as before share a position, so who has
been told of nothing because nothing changed is not forgotten. What is kept is bounded: by
CHANGES_KEPT, by TAGS_KEPT, and by the number of changed seats from which on the whole map is
smaller.
"""

from __future__ import annotations

import re
from array import array
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from holdfast_inventory.holds.compact_states import pack_states
from holdfast_inventory.holds.seat_map import SeatMap

CHANGES_KEPT: Final = 64
TAGS_KEPT: Final = 256
WHOLE_FROM: Final = 8
"""When more than one seat in so many has changed, the whole map is sent."""
SEATS_MIN: Final = 100
_CHANGED: Final = re.compile(rb"[^\0]")


@dataclass(frozen=True, slots=True)
class MapChange:
    """Which seats and areas one reading found changed."""

    seats: array[int]
    areas: Set[str]


class MapHistory:
    """The latest map as buyers with one channel see it, and what led to it."""

    def __init__(self, seat_map: SeatMap) -> None:
        self.position = 0
        """of the latest map: one more for each reading that found something changed"""
        self._latest = seat_map
        self._oldest = 0
        self._changes: deque[MapChange] = deque()
        self._positions = {seat_map.etag: 0}
        self._seats_kept = 0

    @property
    def etag(self) -> str:
        """That of the latest map."""
        return self._latest.etag

    def advance(self, seat_map: SeatMap) -> None:
        """Takes a later reading in."""
        before, self._latest = self._latest, seat_map
        if not _continues(before, seat_map):
            self.position += 1
            self._forget(len(self._changes))
            self._oldest = self.position
            self._positions.clear()
        else:
            self._keep(_difference(before, seat_map))
        self._positions[seat_map.etag] = self.position
        if len(self._positions) > TAGS_KEPT:
            del self._positions[next(iter(self._positions))]

    def position_of(self, etag: str) -> int | None:
        """The position of a map; None when it is not remembered."""
        position = self._positions.get(etag)
        return position if position is not None and position >= self._oldest else None

    def remembers(self, position: int | None) -> bool:
        """Whether the net changes since a position can be told."""
        return position is not None and position >= self._oldest

    def net_changes(self, position: int) -> bytes:
        """The net changes since a position that is remembered, as JSON."""
        recent = islice(self._changes, position - self._oldest, None)
        seats: set[int] = set()
        areas: set[str] = set()
        for change in recent:
            seats.update(change.seats)
            areas.update(change.areas)
        members = self._latest.members
        shown: dict[str, object] = members["areas"]  # type: ignore[assignment]  # made by SeatMap
        return msgspec.json.encode(
            {
                "version": members["version"],
                "counts": members["counts"],
                "seats": _runs(sorted(seats), str(members["states"])),
                "areas": {area: shown[area] for area in sorted(areas)},
            }
        )

    def whole_map(self) -> bytes:
        """The latest map as JSON, with two bits a seat in base64."""
        members = self._latest.members
        states = str(members["states"]).encode()
        packed = {"states": b64encode(pack_states(states)).decode(), "seat_count": len(states)}
        return msgspec.json.encode({**members, **packed})

    def _keep(self, change: MapChange) -> None:
        if not change.seats and not change.areas:
            return
        self.position += 1
        self._changes.append(change)
        self._seats_kept += len(change.seats)
        most = max(SEATS_MIN, len(self._latest.plan) // WHOLE_FROM)
        while len(self._changes) > CHANGES_KEPT or self._seats_kept > most:
            self._forget(1)

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._seats_kept -= len(self._changes.popleft().seats)
            self._oldest += 1


def _continues(before: SeatMap, after: SeatMap) -> bool:
    """Whether both are of one sale, plan and epoch, in their order."""
    return (
        before.uid == after.uid
        and before.plan.version == after.plan.version
        and before.reading.cursor[0] == after.reading.cursor[0]
        and before.reading.revision <= after.reading.revision
    )


def _difference(before: SeatMap, after: SeatMap) -> MapChange:
    areas_before: dict[str, object] = before.members["areas"]  # type: ignore[assignment]
    areas_after: dict[str, object] = after.members["areas"]  # type: ignore[assignment]
    changed = {area for area, units in areas_after.items() if areas_before.get(area) != units}
    states = str(before.members["states"]).encode(), str(after.members["states"]).encode()
    return MapChange(array("I", changed_seats(*states)), changed)


def changed_seats(before: bytes, after: bytes) -> list[int]:
    """The seats whose states differ, in ascending order."""
    if before == after:
        return []
    differing = int.from_bytes(before, "little") ^ int.from_bytes(after, "little")
    return [found.start() for found in _CHANGED.finditer(differing.to_bytes(len(after), "little"))]


def _runs(seats: Iterable[int], states: str) -> dict[str, list[int]]:
    """By state, runs of seats: how many lie between it and the one before, and how long it is."""
    found: dict[str, list[int]] = {}
    ends: dict[str, int] = {}
    for seat in seats:
        state = states[seat]
        end = ends.get(state)
        if end == seat:
            found[state][-1] += 1
        else:
            found.setdefault(state, []).extend((seat - (end or 0), 1))
        ends[state] = seat + 1
    return found
