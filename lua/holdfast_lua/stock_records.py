"""A hold as the store keeps it: ONE msgpack array in the field of its id.

One value, because every further field of a hash costs a microsecond in the script that is run most.
The order of the fields is shared with include/hold.lua; the two are the only ones that know it.
Fields are only ever appended, so that a hold written before an update is still read after it.

Invariants: a seat that is neither free nor blocked belongs to exactly one hold that is `active`,
`paying`, `confirming` or `confirmed`; time ends the first two only. `version` grows with every
change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Any, Final

import msgspec

KEPT_AFTER_END_MS: Final = 24 * 60 * 60 * 1000


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


@dataclass(frozen=True, slots=True)
class AreaUnits:
    """Units of one area; `area` is the index of the area in the sale."""

    area: int
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class RowBlock:
    """A row block that a hold touches: its place in `rows`, first seat, length, class * levels."""

    position: int
    first: int
    length: int
    base: int


@dataclass(frozen=True, slots=True)
class HoldRecord:
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
    rows: tuple[RowBlock, ...]
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


def pack_hold(hold: HoldRecord) -> bytes:
    """The value to store for `hold`."""
    areas = [part for a in hold.areas for part in (a.area, a.quantity, a.price)]
    rows = [part for r in hold.rows for part in (r.position, r.first, r.length, r.base)]
    fields = [
        int(hold.status),
        hold.version,
        hold.buyer,
        hold.created_ms,
        hold.expires_ms,
        hold.latest_ms,
        hold.seats,
        hold.prices,
        areas,
        rows,
        hold.total,
        hold.digest,
        hold.pass_id,
        hold.reason,
        int(hold.ledger),
        hold.order_ref,
    ]
    return msgspec.msgpack.encode(fields)


def unpack_hold(hold_id: str, value: bytes) -> HoldRecord:
    """The hold that `value` keeps."""
    fields: list[Any] = msgspec.msgpack.decode(value)
    status, version, buyer, created_ms, expires_ms, latest_ms, seats, prices, areas, rows = fields[
        :10
    ]
    total, digest, pass_id, reason, ledger, order_ref = fields[10:16]
    return HoldRecord(
        id=hold_id,
        status=HoldStatus(status),
        version=version,
        buyer=buyer,
        created_ms=created_ms,
        expires_ms=expires_ms,
        latest_ms=latest_ms,
        seats=tuple(seats),
        prices=tuple(prices),
        areas=tuple(AreaUnits(*part) for part in _chunks(areas, 3)),
        rows=tuple(RowBlock(*part) for part in _chunks(rows, 4)),
        total=total,
        digest=digest,
        pass_id=pass_id,
        reason=reason,
        ledger=bool(ledger),
        order_ref=order_ref,
    )


def _chunks(flat: list[int], size: int) -> Iterable[list[int]]:
    return (flat[at : at + size] for at in range(0, len(flat), size))
