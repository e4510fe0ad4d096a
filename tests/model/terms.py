"""What the model speaks of: the size of its sale, a hold, what a script is asked, a violation.

Plain Python over plain values: no I/O, no bytes, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast_lua.stock_records import HoldRecord, HoldStatus

SEATS = 8
SEATS_A_ROW = 4
FLOOR = 3
CAPACITY = SEATS + FLOOR
KEPT_MS = 24 * 3_600_000
ACTIVE, PAYING, CONFIRMING, CONFIRMED, RELEASED, EXPIRED = HoldStatus


class Violation(AssertionError):
    """The real code did what the model does not allow."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def require(true: bool, kind: str, text: str) -> None:
    """Raises a violation of this kind when it is not so."""
    if not true:
        raise Violation(kind, text)


@dataclass(slots=True)
class Hold:
    """What the model knows of a hold."""

    id: str
    status: HoldStatus
    version: int
    buyer: str
    seats: frozenset[int]
    floor: int
    expires_ms: int
    latest_ms: int
    digest: str = ""
    in_ledger: bool = False
    reason: str = ""

    @property
    def units(self) -> int:
        return len(self.seats) + self.floor

    def overdue(self, now_ms: int) -> bool:
        return self.status.timed and self.expires_ms <= now_ms


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of a script: what matters of its arguments."""

    hold_id: str
    owner: str = ""
    version: int = 0
    number: int = 0
    """limit, extension or whatever number the script takes"""
    flag: bool = False
    text: str = ""
    seats: frozenset[int] = frozenset()
    floor: int = 0
    quantity: int = 0
    hold_ms: int = 0
    hold_max_ms: int = 0


Given = HoldRecord | None
"""the hold that a script answered, where it answered one"""


def taken_from(record: HoldRecord) -> Hold:
    """A hold of the real store in the model's terms."""
    return Hold(
        record.id,
        record.status,
        record.version,
        record.buyer,
        frozenset(record.seats),
        sum(units.quantity for units in record.areas),
        record.expires_ms,
        record.latest_ms,
        record.digest,
        record.ledger,
        record.reason,
    )
