"""A hold as the store keeps it: ONE msgpack array in the field of its id.

One value, because every further field of a hash costs a microsecond in the script that is run most.
The order of the fields is shared with hold.lua; the two are the only ones that know it.
Fields are only ever appended, so that a hold written before an update is still read after it.

Invariants: a seat that is neither free nor blocked belongs to exactly one hold that is `active`,
`paying`, `confirming` or `confirmed`; time ends the first two only. `version` grows with every
change.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, unique
from typing import Final

import msgspec


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


class AreaUnits(msgspec.Struct, frozen=True):
    """Units of one area; `area` is the index of the area in the sale."""

    area: int
    quantity: int
    price: int


class RowSegment(msgspec.Struct, frozen=True):
    """A row segment that a hold touches: its place in `rows`, first seat, length, class *
    levels.
    """

    position: int
    first: int
    length: int
    base: int


class HoldRecord(msgspec.Struct, frozen=True):
    """A hold. `seats` are dense indices in plan order, `prices` theirs in the same order.

    `ledger` is true once the hold has reached the ledger: such a record is never forgotten.
    """

    id: str
    status: HoldStatus
    version: int
    buyer: str
    created_ms: int
    expires_ms: int
    latest_ms: int
    seats: tuple[int, ...]
    prices: tuple[int, ...]
    areas: tuple[AreaUnits, ...]
    rows: tuple[RowSegment, ...]
    total: int
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


class _Packed(msgspec.Struct, array_like=True):
    """The stored form, in its order; areas and rows are flat."""

    status: int
    version: int
    created_ms: int
    expires_ms: int
    latest_ms: int
    seats: tuple[int, ...]
    prices: tuple[int, ...]
    rows: tuple[int, ...]
    total: int
    areas: tuple[int, ...]
    buyer: str
    digest: str
    pass_id: str
    reason: str
    ledger: int
    order_ref: str


_STATUSES: Final = (HoldStatus.ACTIVE, *HoldStatus)  # no status is 0
_decode: Final = msgspec.msgpack.Decoder(_Packed).decode
_encode: Final = msgspec.msgpack.Encoder().encode


def pack_hold(hold: HoldRecord) -> bytes:
    """The value to store for `hold`."""
    rows = [part for r in hold.rows for part in (r.position, r.first, r.length, r.base)]
    return _encode(
        _Packed(
            status=int(hold.status),
            version=hold.version,
            created_ms=hold.created_ms,
            expires_ms=hold.expires_ms,
            latest_ms=hold.latest_ms,
            seats=hold.seats,
            prices=hold.prices,
            rows=tuple(rows),
            total=hold.total,
            areas=flat_areas(hold.areas),
            buyer=hold.buyer,
            digest=hold.digest,
            pass_id=hold.pass_id,
            reason=hold.reason,
            ledger=int(hold.ledger),
            order_ref=hold.order_ref,
        )
    )


def pack_rest(areas: Iterable[AreaUnits], buyer: str, digest: str, pass_id: str) -> bytes:
    """The last fields of a new hold, from `areas` on: the caller knows them."""
    return _encode((flat_areas(areas), buyer, digest, pass_id, "", 0, ""))[1:]


def flat_areas(areas: Iterable[AreaUnits]) -> tuple[int, ...]:
    """Area units as the scripts take them: area, quantity, price, area, quantity, price, ..."""
    return tuple(part for a in areas for part in (a.area, a.quantity, a.price)) if areas else ()


def unpack_hold(hold_id: str, value: bytes) -> HoldRecord:
    """The hold that `value` keeps."""
    packed = _decode(value)
    rows, areas = packed.rows, packed.areas
    return HoldRecord(
        hold_id,
        _STATUSES[packed.status],
        packed.version,
        packed.buyer,
        packed.created_ms,
        packed.expires_ms,
        packed.latest_ms,
        packed.seats,
        packed.prices,
        tuple([AreaUnits(*areas[at : at + 3]) for at in range(0, len(areas), 3)]),
        tuple([RowSegment(*rows[at : at + 4]) for at in range(0, len(rows), 4)]),
        packed.total,
        packed.digest,
        packed.pass_id,
        packed.reason,
        bool(packed.ledger),
        packed.order_ref,
    )
