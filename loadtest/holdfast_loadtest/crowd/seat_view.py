"""The seat map as a page keeps it by a stream of changes, to be compared with a map read anew."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from holdfast_loadtest.wire import SeatMap

NOTHING_LOST: Final = "the stream of changes misses nothing"
FORWARD: Final = "changes of the map come in order"
MAX_SHOWN: Final = 5
PACKED: Final = "fhbx"
"""the states of a packed map, two bits a seat"""

Cursor = tuple[int, int]


class MapChange(msgspec.Struct):
    """The state that some seats have got."""

    version: str
    state: str = ""
    seats: list[int] = []


class MapChanges(msgspec.Struct):
    """A message of the stream, or a page of `GET changes`."""

    version: str
    changes: list[MapChange] = []
    more: bool = False


class PackedMap(msgspec.Struct):
    """The whole map as the stream of net changes tells it: two bits a seat, in base64."""

    version: str
    states: str
    seat_count: int


class NetChanges(msgspec.Struct):
    """By the state that they have now, runs of seats: how many lie between it and the one before,
    and how long it is.
    """

    version: str
    seats: dict[str, list[int]] = {}


class MapView:
    """One state for each seat, as of `version`; areas are not followed."""

    def __init__(self, seat_map: SeatMap) -> None:
        self._states = list(seat_map.states)
        self.version = cursor(str(seat_map.version))
        self.findings: list[tuple[str, str]] = []
        """promises that were broken, with evidence"""
        self.checks = 0

    def _require(self, states: Sequence[str], at: Cursor) -> None:
        self.checks += 1
        if wrong := differences(self._states, states):
            self.findings.append((NOTHING_LOST, f"at {at[0]}-{at[1]}: {wrong}"))

    def _require_later(self, version: str) -> bool:
        is_later = cursor(version) >= self.version
        if not is_later:
            self.findings.append((FORWARD, f"{version} came after {self.version}"))
        return is_later


class SeatView(MapView):
    """Kept by every change: it is compared as soon as all changes up to a map's version are in."""

    def __init__(self, seat_map: SeatMap) -> None:
        super().__init__(seat_map)
        self._expected: tuple[Cursor, str] | None = None

    @property
    def is_expecting(self) -> bool:
        """Whether there is a map that it has not come to yet."""
        return self._expected is not None

    def expect(self, seat_map: SeatMap) -> bool:
        """Compares with `seat_map` as soon as all changes up to its version are in; False for a map
        that is older than the view, with which nothing can be compared.
        """
        wanted = cursor(str(seat_map.version))
        if wanted < self.version:
            return False
        self._expected = wanted, seat_map.states
        self._reached(self.version)
        return True

    def apply(self, message: MapChanges) -> None:
        """The next message of the stream."""
        for change in message.changes:
            if not self._require_later(change.version):
                continue
            at = cursor(change.version)
            if self._expected is not None and at > self._expected[0]:
                self._reached(at)
            for seat in change.seats:
                self._states[seat] = change.state
        self.version = max(self.version, cursor(message.version))
        self._reached(self.version)

    def _reached(self, version: Cursor) -> None:
        if self._expected is None or version < self._expected[0]:
            return
        wanted, states = self._expected
        self._expected = None
        self._require(states, wanted)


class NetView(MapView):
    """Kept by net changes, which lead from one map to a later one and skip those in between.

    A map read anew is hardly ever one of them, so an older one is brought forward to the view by
    single changes. `etag` is that of the map that the view is.
    """

    def __init__(self, seat_map: SeatMap) -> None:
        super().__init__(seat_map)
        self.etag = seat_map.etag

    def replace(self, whole: PackedMap) -> None:
        """The map that the stream tells whole. It may be older: another process has read it."""
        packed = base64.b64decode(whole.states)
        self._states = [
            PACKED[packed[seat // 4] >> 2 * (seat % 4) & 3] for seat in range(whole.seat_count)
        ]
        self.version = cursor(whole.version)

    def apply(self, net: NetChanges) -> None:
        """The next message of the stream."""
        if not self._require_later(net.version):
            return
        self.version = cursor(net.version)
        for state, runs in net.seats.items():
            at = 0
            for gap, length in zip(runs[::2], runs[1::2], strict=True):
                at += gap
                self._states[at : at + length] = state * length
                at += length

    def is_of(self, seat_map: SeatMap) -> bool:
        """Whether the view has come to this map, or its seats are as in it."""
        return self.etag == seat_map.etag or "".join(self._states) == seat_map.states

    def compare(self, seat_map: SeatMap, since: Iterable[MapChange] = ()) -> None:
        """With a map that is not newer, and all changes since then; later ones than the view's are
        left out.
        """
        states = list(seat_map.states)
        for change in since:
            if cursor(change.version) <= self.version:
                for seat in change.seats:
                    states[seat] = change.state
        self._require(states, self.version)


def cursor(version: str) -> Cursor:
    """`epoch-sequence` as numbers, which compare as the events follow each other."""
    epoch, _, sequence = version.partition("-")
    return int(epoch), int(sequence)


def differences(seen: Sequence[str], read: Sequence[str]) -> str:
    """Which seats differ, in words; empty when none does."""
    if len(seen) != len(read):
        return f"{len(seen)} seats by the stream, {len(read)} on the map"
    wrong = [seat for seat, pair in enumerate(zip(seen, read, strict=True)) if pair[0] != pair[1]]
    if not wrong:
        return ""
    shown = ", ".join(
        f"seat {seat} is {seen[seat]}, not {read[seat]}" for seat in wrong[:MAX_SHOWN]
    )
    return shown if len(wrong) <= MAX_SHOWN else f"{shown}, and {len(wrong) - MAX_SHOWN} more"
