"""The seat map as a page keeps it by the stream of changes, to be compared with a map read anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from holdfast_loadtest.wire import SeatMap

NOTHING_LOST: Final = "the stream of changes misses nothing"
FORWARD: Final = "changes of the map come in order"
MAX_SHOWN: Final = 5

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


class SeatView:
    """One state for each seat, as of `version`; areas are not followed."""

    def __init__(self, seat_map: SeatMap) -> None:
        self._states = list(seat_map.states)
        self.version = cursor(str(seat_map.version))
        self._expected: tuple[Cursor, str] | None = None
        self.findings: list[tuple[str, str]] = []
        """promises that were broken, with evidence"""
        self.checks = 0

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
            at = cursor(change.version)
            if at < self.version:
                self.findings.append((FORWARD, f"{change.version} came after {self.version}"))
                continue
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
        self.checks += 1
        if wrong := differences(self._states, states):
            self.findings.append((NOTHING_LOST, f"at {wanted[0]}-{wanted[1]}: {wrong}"))


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
