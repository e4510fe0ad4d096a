"""The arguments of the inventory's scripts, how they are packed, and what the scripts answer.

The forms of a hold from request to response, and how each differs from the one before:

    HoldBody       the JSON that was sent: seats and zones by name, checked for types only
    HoldRequest    the same by the indices of the plan, with the prices of areas: checked
    BuyerRef       who asks, from the credential and not from the body
    HoldTerms      id, buyer, times, limit and seed: what the service sets and nobody asks for
    SeatChoice     best available as row bytes to search for, compiled once for equal requests
    SeatList       named seats by row segment, with their prices
    arguments      terms, requested fields and seats, as bytes: `pack_request`
    a table        the arguments in the script, to which it adds seats, prices and row segments
                   (hold_request.lua)
    HoldRecord     the hold as it is stored: in the store an array in the order of HOLD
    HoldAnswer     what a script answers: a code, with the record or what was in the way
    HoldView       the JSON of the response: names and labels, and the status at this moment

A choice is SeatChoice, named seats are SeatList, and a request of areas alone has neither. In the
scripts fields have the names of the layouts that pack them (records.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.layouts import NIL, Fields, pack_array, pack_sequence
from holdfast_lua.calls.records import (
    CHOICE,
    NAMED,
    AreaUnits,
    HoldRecord,
    SeatsAsked,
    SeatState,
    flat_areas,
    pack_requested,
)


class SeatChoice(msgspec.Struct, frozen=True):
    """Best available, compiled from plan and filters; see pick.lua for how it is used.

    `first_rung` are the row bytes that serve at once, `orphans` whether even those may leave a
    single seat alone, `kinds` the classes wanted, one byte each. `prices` has one for every class.
    `places` are the positions that a zone filter leaves, nearest first, a msgpack array; empty
    means all.
    """

    quantity: int
    orphans: bool
    first_rung: bytes
    kinds: bytes
    prices: tuple[int, ...]
    places: bytes = b""
    packed: bytes = b""

    def __post_init__(self) -> None:
        """Packed once, by CHOICE: a crowd sends the same choice over and over."""
        front = pack_sequence(self.quantity, self.orphans, self.first_rung, self.kinds, self.prices)
        packed = CHOICE.head + front + (self.places or NIL)
        msgspec.structs.force_setattr(self, "packed", packed)


class SeatList(msgspec.Struct, frozen=True):
    """Named seats, packed by NAMED: the classes that the buyer may not have, whether a single seat
    may not be left alone, and by row segment (NAMED_SEGMENT) the seats and their prices.
    """

    packed: bytes

    @classmethod
    def of(
        cls,
        withheld: Sequence[int],
        refuse_orphans: bool,
        segments: Iterable[tuple[int, Sequence[int], Sequence[int]]],
    ) -> SeatList:
        """Segments are given by their position, with offsets from 1 and prices."""
        return cls(NAMED.head + pack_sequence(withheld, refuse_orphans, list(segments)))


class HoldTerms(msgspec.Struct, frozen=True, gc=False):
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


class HoldAnswer(msgspec.Struct, frozen=True, gc=False):
    """What a script said about one hold: the hold as it now is, when there is one to show.

    `seats` and `areas` are indices that stood in the way (SEAT_UNAVAILABLE, CHANNEL_REQUIRED,
    ORPHAN_LEFT), `own` those of the seats that the buyer has. `wait_ms` goes with TOO_MANY_ENDED.
    `choosing_ms` is how long after the admission a buyer's first hold came, -1 for any other.
    """

    code: Code
    revision: int
    now_ms: int
    hold: HoldRecord | None = None
    seats: tuple[int, ...] = ()
    areas: tuple[int, ...] = ()
    own: tuple[int, ...] = ()
    wait_ms: int = 0
    choosing_ms: int = -1


@dataclass(frozen=True, slots=True)
class Sweep:
    """How many overdue holds a sweep ended, and whether it left some."""

    ended: int
    more: bool


SWEEP: Final = Fields.of(Sweep)


@dataclass(frozen=True, slots=True)
class HoldAges:
    """The age of the oldest open hold, and how far the first deadline has passed; 0 for none."""

    oldest_ms: int
    overdue_ms: int


HOLD_AGES: Final = Fields.of(HoldAges)


@dataclass(frozen=True, slots=True)
class SeatsReading:
    """All seats at one revision; `cursor` is the last event that it contains.

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


def pack_request(
    terms: HoldTerms, areas: Iterable[AreaUnits], seats: SeatList | SeatChoice | None
) -> tuple[bytes, bytes, bytes]:
    """The three arguments of a request: its terms (TERMS), what it brings of the hold's record,
    and the seats that it asks for.
    """
    asked = _ASKED[type(seats)]
    hold_max_ms = max(terms.hold_ms, terms.hold_max_ms)
    packed = pack_sequence(
        terms.hold_id, terms.hold_ms, hold_max_ms, terms.seed, terms.limit, asked, terms.opened
    )
    requested = pack_requested(areas, terms.buyer, terms.digest, terms.pass_id)
    return packed, requested, b"" if seats is None else seats.packed


_ASKED = {type(None): SeatsAsked.NONE, SeatChoice: SeatsAsked.BEST, SeatList: SeatsAsked.NAMED}


def area_fields(areas: Sequence[int]) -> list[str]:
    """The fields of the sale hash that count free and held units of these areas, in pairs."""
    return [
        name for area in areas for name in (f"a{area}{SeatState.FREE}", f"a{area}{SeatState.HELD}")
    ]


def pack_areas(areas: Sequence[AreaUnits]) -> bytes:
    """Units of areas as a script takes them; empty for none."""
    return pack_array(flat_areas(areas)) if areas else b""
