"""What the model speaks of: the size of its sale, a hold, what a script is asked, a violation.

Plain Python over plain values: no I/O, no bytes, no clock.
"""

from dataclasses import dataclass
from typing import Final

from holdfast_lua.calls.records import HoldRecord, HoldStatus

SEATS = 8
SEATS_A_ROW = 4
AREAS: Final = ("floor", "lodge")
FLOOR, LODGE = 0, 1
ROOM: Final = (3, 2)
"""how many units each area has"""
NO_UNITS: Final = (0, 0)
CAPACITY = SEATS + sum(ROOM)
CLUB: Final = "club"
"""the channel that the lodge and two seats are set aside for"""
CLUB_SEATS: Final = frozenset({6, 7})
BLOCKS: Final = (range(4), range(4, 6), range(6, 8))
"""the seats that are neighbours and of one class"""
EXPIRED_KEPT_MS = 24 * 3_600_000
RELEASED_KEPT_MS = 3_600_000
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


Areas = tuple[int, ...]
"""units of each area"""


def plus(*parts: Areas) -> Areas:
    """All of them together."""
    return tuple(sum(units) for units in zip(NO_UNITS, *parts, strict=True))


def minus(whole: Areas, part: Areas) -> Areas:
    """What is left of each area."""
    return tuple(have - gone for have, gone in zip(whole, part, strict=True))


def fits(part: Areas, room: Areas) -> bool:
    """Whether there is room for it in each area."""
    return all(units <= left for units, left in zip(part, room, strict=True))


@dataclass(slots=True)
class Hold:
    """What the model knows of a hold."""

    id: str
    status: HoldStatus
    version: int
    buyer: str
    seats: frozenset[int]
    areas: Areas
    expires_ms: int
    latest_ms: int
    digest: str = ""
    in_ledger: bool = False
    reason: str = ""

    @property
    def units(self) -> int:
        return len(self.seats) + sum(self.areas)

    def overdue(self, now_ms: int) -> bool:
        return self.status.timed and self.expires_ms <= now_ms


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """A call of a script: what matters of its arguments."""

    hold_id: str
    owner: str = ""
    version: int = 0
    number: int = 0
    """limit, extension or whatever number the script takes"""
    flag: bool = False
    text: str = ""
    seats: frozenset[int] = frozenset()
    areas: Areas = NO_UNITS
    quantity: int = 0
    barred: bool = False
    """whether what is set aside for the club is not for who asks"""
    hold_ms: int = 0
    hold_max_ms: int = 0


AnsweredHold = HoldRecord | None
"""the hold that a script answered, where it answered one"""


def areas_of(record: HoldRecord) -> Areas:
    """The area units of a real hold."""
    units_of = {units.area: units.quantity for units in record.areas}
    return tuple(units_of.get(area, 0) for area in range(len(AREAS)))


def taken_from(record: HoldRecord) -> Hold:
    """A hold of the real store in the model's terms."""
    return Hold(
        record.id,
        record.status,
        record.version,
        record.buyer,
        frozenset(record.seats),
        areas_of(record),
        record.expires_ms,
        record.latest_ms,
        record.digest,
        record.ledger,
        record.reason,
    )
