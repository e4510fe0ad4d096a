"""What is asked of the stock's scripts and what they answer, and how the asking is packed.

The packing is one half of a private agreement with hold_seats.lua and reacquire_hold.lua: whoever
changes it here changes it there.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.records import AreaUnits, HoldRecord, flat_areas
from holdfast_lua.client.wire import Argument

# One hold as hold_request.lua unpacks it: its terms, and what is asked of the seats.
_TERMS: Final = struct.Struct(">IIIHBB")
_BEST: Final = 1
_EXPLICIT: Final = 2
_NO_ORPHANS: Final = 4


class SeatChoice(msgspec.Struct, frozen=True):
    """Best available, compiled from plan and filters; see pick.lua for how it is used.

    `first_rung` are the row bytes that serve at once, `orphans` whether even those may leave a
    single seat alone, `kinds` the classes wanted, one byte each. `prices` has a double for every
    class. `places` are the positions that a zone filter leaves, nearest first; empty means all.
    """

    quantity: int
    orphans: bool
    first_rung: bytes
    kinds: bytes
    prices: bytes
    places: bytes = b""
    packed: bytes = b""

    def __post_init__(self) -> None:
        """Packed once: a crowd sends the same choice over and over."""
        head = struct.pack(">HB", self.quantity, self.orphans)
        parts = [
            struct.pack(size, len(part)) + part
            for size, part in (
                (">H", self.first_rung),
                (">H", self.kinds),
                (">H", self.prices),
                (">I", self.places),
            )
        ]
        msgspec.structs.force_setattr(self, "packed", head + b"".join(parts))


class SeatList(msgspec.Struct, frozen=True):
    """Explicit seats by row segment: `rows` is a msgpack array: first the classes that the buyer
    may not have, as an array; then segment and seats in turn: position in `rows`, n, then n pairs
    of offset (from 1) and price.
    """

    rows: bytes
    refuse_orphans: bool = False


class HoldTerms(msgspec.Struct, frozen=True):
    """What a hold is to be: whose, under which id, for how long, up to which limit (0 = none).

    `seed` spreads choices that are nearly equal. `opened` names, as the sale's `apart` does, what
    is set aside and open to this buyer: the store gives nothing else of what it counts apart.
    """

    hold_id: str
    digest: str
    buyer: str
    pass_id: str
    hold_ms: int
    hold_max_ms: int
    limit: int
    seed: int = 0
    opened: str = ""


class HoldAnswer(msgspec.Struct, frozen=True):
    """What a script said about one hold: the hold as it now is, when there is one to show.

    `seats` and `areas` are indices that stood in the way (SEAT_UNAVAILABLE, CHANNEL_REQUIRED,
    ORPHAN_LEFT), `own` those of the seats that the buyer has. `wait_ms` goes with TOO_MANY_ENDED.
    """

    code: Code
    revision: int
    now_ms: int
    hold: HoldRecord | None = None
    seats: tuple[int, ...] = ()
    areas: tuple[int, ...] = ()
    own: tuple[int, ...] = ()
    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class Sweep:
    """How many overdue holds a sweep ended, and whether it left some."""

    ended: int
    more: bool


@dataclass(frozen=True, slots=True)
class SeatsReading:
    """The whole stock at one revision; `cursor` is the last event that it contains.

    `overdue` tells that holds past their deadline have yet to be swept into it.
    """

    revision: int
    now_ms: int
    epoch: int
    cursor: tuple[int, int]
    states: bytes
    free: int
    held: int
    booked: int
    blocked: int
    areas: tuple[tuple[int, int], ...]
    overdue: bool


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One entry of the events stream."""

    cursor: tuple[int, int]
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class EventsReading:
    """A page of the stream. `trimmed` tells that entries after the cursor are gone for good."""

    now_ms: int
    last: tuple[int, int]
    trimmed: bool
    events: list[StreamEvent]


def pack_asked(terms: HoldTerms, seats: SeatList | SeatChoice | None) -> tuple[bytes, bytes]:
    """A hold's terms, and its choice or its seats."""
    if isinstance(seats, SeatChoice):
        return _pack_terms(terms, _BEST), seats.packed
    if seats is None:
        return _pack_terms(terms, 0), b""
    return _pack_terms(terms, _EXPLICIT | _NO_ORPHANS * seats.refuse_orphans), seats.rows


def _pack_terms(terms: HoldTerms, asks: int) -> bytes:
    hold_id = terms.hold_id.encode()
    hold_max_ms = max(terms.hold_ms, terms.hold_max_ms)
    head = _TERMS.pack(terms.hold_ms, hold_max_ms, terms.seed, terms.limit, asks, len(hold_id))
    return head + hold_id + terms.opened.encode()


def choice_fields(choice: SeatChoice) -> tuple[Argument, ...]:
    """As reacquire_hold takes them; it has no zone filter."""
    return (
        choice.quantity,
        int(choice.orphans),
        choice.first_rung,
        choice.kinds,
        choice.prices,
    )


def area_fields(areas: Sequence[int]) -> list[str]:
    """The fields of the sale hash that count free and held units of these areas, in pairs."""
    return [name for area in areas for name in (f"a{area}f", f"a{area}h")]


def pack_areas(areas: Sequence[AreaUnits]) -> bytes:
    return msgspec.msgpack.encode(flat_areas(areas)) if areas else b""
