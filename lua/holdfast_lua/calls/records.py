"""What Python and the scripts hand to each other: records, and the layouts that follow from them.

A hold is ONE msgpack array in the field of its id, since every further field of a hash costs a
microsecond in the script that is run most. The order of the fields is that of `HoldRecord`; the
loader gives it to the scripts, so it is written nowhere else. Fields are only ever appended, so
that a hold written before an update is still read after it.

Invariants: a seat that is neither free nor blocked belongs to exactly one hold that is `active`,
`paying`, `confirming` or `confirmed`; time ends the first two only. `version` grows with every
change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum, unique
from typing import Final

import msgpack  # type: ignore[import-untyped]  # it has no stubs
import msgspec

from holdfast_lua.calls.layouts import Fields, Packed, pack_array, pack_sequence


@unique
class HoldStatus(IntEnum):
    """Where a hold stands; the wire form of the API is the name in lower case."""

    ACTIVE = 1
    PAYING = 2
    CONFIRMING = 3
    CONFIRMED = 4
    RELEASED = 5
    EXPIRED = 6

    @property
    def ended(self) -> bool:
        """Whether the hold has no units any more."""
        return self >= HoldStatus.RELEASED

    @property
    def timed(self) -> bool:
        """Whether the deadline ends it."""
        return self <= HoldStatus.PAYING


class AreaUnits(msgspec.Struct, frozen=True, gc=False):
    """Units of one area; `area` is the index of the area in the sale."""

    area: int
    quantity: int
    price: int


class RowSegment(msgspec.Struct, frozen=True, gc=False):
    """A row segment with seats of a hold: place in `rows`, first seat, length, class * levels."""

    position: int
    first: int
    length: int
    base: int


class HoldRecord(msgspec.Struct, frozen=True, gc=False):
    """A hold; its fields but the id are stored, in this order.

    `seats` are dense indices in plan order, `prices` theirs in the same order. `ledger` is true
    once the hold has reached the ledger: such a record is never forgotten.
    """

    id: str
    status: HoldStatus
    version: int
    created_ms: int
    expires_ms: int
    latest_ms: int
    seats: tuple[int, ...]
    prices: tuple[int, ...]
    rows: tuple[RowSegment, ...]
    total: int
    areas: tuple[AreaUnits, ...]
    buyer: str
    digest: str = ""
    pass_id: str = ""
    reason: str = ""
    ledger: bool = False
    order_ref: str = ""

    @property
    def units(self) -> int:
        """Seats and area units together, as the limit per buyer counts them."""
        return len(self.seats) + sum(area.quantity for area in self.areas)

    def status_at(self, now_ms: int) -> HoldStatus:
        """The status with the deadline applied: a sweep that has not come yet changes nothing."""
        if self.status.timed and self.expires_ms <= now_ms:
            return HoldStatus.EXPIRED
        return self.status


class Point(msgspec.Struct, frozen=True, array_like=True):
    """The figures of a sale at a moment, which is a multiple of a step of the store's time.

    `joined`, `called`, `admitted`, `held_once` (visitors who have held something), `paying` and
    `confirmed` (orders), `revenue` and `refunded` (minor units) are totals since the sale began, so
    a coarser history loses nothing of them; the others are of the moment. `wait_s` is the wait that
    a visitor was told who joined then, None where it could not be known. `free_by_category` counts
    seats and area units. `refund_required` are payments that nothing could be had for, `overdue_s`
    is how late the sweep of holds is, and `alerts` are the codes of what was wrong.
    """

    at_ms: int
    waiting: int
    present: int
    active: int
    joined: int
    called: int
    admitted: int
    held_once: int
    paying: int
    confirmed: int
    free: int
    held: int
    booked: int
    revenue: int
    refunded: int
    rate_set: int
    rate_realised: float
    wait_s: int | None = None
    free_by_category: dict[str, int] = {}
    refund_required: int = 0
    overdue_s: int = 0
    alerts: tuple[str, ...] = ()


@unique
class SeatsAsked(IntEnum):
    """What kind of seats a hold request asks for, areas apart."""

    NONE = 0
    BEST = 1
    NAMED = 2


@unique
class SeatState(StrEnum):
    """What becomes of a seat: its byte of `seats` in the store, its letter in the map."""

    FREE = "f"
    HELD = "h"
    BOOKED = "b"
    BLOCKED = "x"

    @property
    def byte(self) -> int:
        return ord(self)

    @property
    def word(self) -> str:
        """As counts and people call it."""
        return self.name.lower()


HOLD: Final = Fields.of(HoldRecord).from_("status")
"""a hold as it is stored; areas and rows are flat lists"""
AREA: Final = Fields.of(AreaUnits)
"""units of an area in a flat list"""
SEGMENT: Final = Fields.of(RowSegment)
"""a row segment in a flat list"""
POINT: Final = Fields.of(Point)
"""a point as it is stored"""
SEGMENT_RECORD: Final = Packed(first="I", length="H", focus2="I", zone="H", near="B")
"""a row segment in the string `layout`: first seat, length, twice the position nearest to the focal
point (from 1, odd = between two seats), zone, how many segments of its tier follow it"""
SWITCH: Final = Fields("segment", "seats")
"""a row segment and the seats in it that an operator blocks or unblocks"""
COUNTER: Final = Fields("field", "value")
"""a field of the sale hash, as an installation gives it"""
INSTALLED_HOLD: Final = Fields("id", "due_ms", "value")
"""a hold of an installation: the deadline is 0 for none"""
REQUEST_ARGUMENTS: Final = Fields("terms", "requested", "seats")
"""the arguments of one hold request"""
TERMS: Final = Fields("id", "hold_ms", "hold_max_ms", "seed", "limit", "seats_asked", "opened")
"""the terms of a hold request, see HoldTerms; a sequence without an array around it"""
REQUESTED: Final = HOLD.from_("areas")
"""the fields of a new hold that its request brings, packed as they will be stored; likewise"""
CHOICE: Final = Fields("quantity", "orphans", "first_rung", "kinds", "prices", "places")
"""see SeatChoice"""
NAMED: Final = Fields("withheld", "refuse_orphans", "segments")
"""see SeatList"""
NAMED_SEGMENT: Final = Fields("position", "offsets", "prices")
"""seats by name in one row segment: offsets from 1, and their prices"""

_STATUSES: Final = (HoldStatus.ACTIVE, *HoldStatus)  # no status is 0
_STATUS, _ROWS, _AREAS, _LEDGER = map(HOLD.names.index, ("status", "rows", "areas", "ledger"))
_HOLD = len(HOLD.names)


def pack_hold(hold: HoldRecord) -> bytes:
    """The value to store for `hold`."""
    values: list[object] = [getattr(hold, name) for name in HOLD.names]
    values[_ROWS], values[_AREAS] = flat_segments(hold.rows), flat_areas(hold.areas)
    values[_LEDGER] = int(hold.ledger)
    return pack_array(values)


def pack_requested(areas: Iterable[AreaUnits], buyer: str, digest: str, pass_id: str) -> bytes:
    """What the request brings of a new hold, in the order of REQUESTED."""
    return pack_sequence(flat_areas(areas), buyer, digest, pass_id, "", 0, "")


def flat_areas(areas: Iterable[AreaUnits]) -> tuple[int, ...]:
    """Area units as the scripts take them: area, quantity, price, area, quantity, price, ..."""
    return tuple(part for a in areas for part in (a.area, a.quantity, a.price)) if areas else ()


def flat_segments(rows: Iterable[RowSegment]) -> tuple[int, ...]:
    """Row segments as the scripts take them: position, first, length, base, position, ..."""
    return tuple(part for r in rows for part in (r.position, r.first, r.length, r.base))


def areas_of(flat: Sequence[int]) -> tuple[AreaUnits, ...]:
    """The reverse of `flat_areas`."""
    return tuple([AreaUnits(*area) for area in AREA.groups(flat)])


def unpack_hold(hold_id: str, value: bytes) -> HoldRecord:
    """The hold that `value` keeps; fields that a later version has appended are left out."""
    values = list(msgpack.unpackb(value, use_list=False))
    rows, areas = values[_ROWS], values[_AREAS]
    values[_STATUS] = _STATUSES[values[_STATUS]]
    values[_ROWS] = tuple([RowSegment(*row) for row in SEGMENT.groups(rows)])
    if areas:
        values[_AREAS] = areas_of(areas)
    values[_LEDGER] = values[_LEDGER] == 1
    return HoldRecord(hold_id, *values[:_HOLD])
