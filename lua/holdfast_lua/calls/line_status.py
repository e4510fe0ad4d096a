"""What the scripts of the line answer: records, and the layouts that follow from them.

The fields of a reply come in the order of its record, which the loader gives to the scripts. Times
are Unix milliseconds by the store's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import msgspec

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.layouts import Fields


class LineMode(IntEnum):
    """What happens to who joins."""

    LINE = 0
    THROUGH = 1
    REJECT = 2


class DrawState(IntEnum):
    """Whether the lobby's order is drawn, and whether that has happened."""

    NONE = 0
    TO_COME = 1
    SEALED = 2


Gap = tuple[int, int]
"""First and last of a run of numbers that a store loss may have lost."""
GAP: Final = Fields("first", "last")


@dataclass(frozen=True, slots=True)
class LineStatus:
    """One moment of one line.

    `issued` counts every place given, in the lobby too; `lobby` is what it was when the lobby
    froze. `called = claimed + lapsed + outstanding`; `admitted` counts passes. `pace` is the
    decayed count of admissions (see measured rate in holdfast_queue.line.estimate); `present` is
    how many of those who wait asked in the last window that was counted, -1 before the first;
    `expired` counts the holds that ran out, `unused` the sessions that gave up their slot. `free`
    and `held` are what those in line can have; what is set aside for others is in `allotted_free`
    and `allotted_held`. `closed_ms` is when the lobby froze, `sealed_ms` when its draw was sealed,
    0 before. `stays` counts the sessions that ended while slots were taken for `stays_ms`
    altogether, both decayed; `stock` is for how many visitors there are units not set aside for
    anybody; `first_holds` counts the visitors who have held something, in this epoch.
    """

    lifecycle: str
    phase: str
    prequeue_ms: int
    opens_ms: int
    ends_ms: int
    settings_version: int
    free: int
    held: int
    booked: int
    frozen: bool
    lobby: int
    issued: int
    ceiling: int
    serving: int
    called_from: int
    gaps: tuple[Gap, ...]
    active: int
    deferred: int
    called: int
    claimed: int
    lapsed: int
    admitted: int
    rate_per_minute: int
    cap: int
    mode: LineMode
    queue_all: bool
    show_share: float
    pace: float
    pace_ms: int
    pace_since_ms: int
    draw: DrawState = DrawState.NONE
    accumulator: str = ""
    beacon: str = ""
    present: int = -1
    blocked: int = 0
    expired: int = 0
    allotted_free: int = 0
    allotted_held: int = 0
    closed_ms: int = 0
    sealed_ms: int = 0
    unused: int = 0
    stays: float = 0.0
    stays_ms: int = 0
    stock: int = 2**31
    first_holds: int = 0

    @property
    def outstanding(self) -> int:
        """Called, and neither claimed nor lapsed, without those who have numbers of a gap."""
        return max(0, self.called - self.claimed - self.lapsed)

    @property
    def waiting(self) -> int:
        """Places that are yet to be called; in the lobby, everybody."""
        return self.issued - self.serving - self.missing(self.serving, self.issued)

    def missing(self, after: int, upto: int) -> int:
        """How many numbers of gaps lie in (after, upto]."""
        if not self.gaps:
            return 0
        return sum(max(0, min(last, upto) - max(first, after + 1) + 1) for first, last in self.gaps)


LINE_STATUS: Final = Fields.of(LineStatus)


def parse_status(raw: Sequence[object]) -> LineStatus:
    """The record behind the script's list."""
    values: dict[str, object] = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in LINE_STATUS.named(raw).items()
    }
    values["gaps"] = parse_gaps(str(values["gaps"]))
    return msgspec.convert(values, LineStatus, strict=False)


def parse_gaps(text: str) -> tuple[Gap, ...]:
    """Gaps as the store writes them: `first-last,first-last`."""
    pairs = [part.split("-") for part in text.split(",") if part]
    return tuple((int(first), int(last)) for first, last in pairs)


def format_gaps(gaps: Sequence[Gap]) -> str:
    """The reverse of `parse_gaps`."""
    return ",".join(f"{first}-{last}" for first, last in gaps)


@dataclass(frozen=True, slots=True)
class AddressJoins:
    """How often a client address joined, and how often it was refused, within about a day."""

    address: str
    joins: int
    refused: int


@dataclass(frozen=True, slots=True)
class OpenCalls:
    """Who has been called and what became of them, as read_calls.lua tells it; bounded there.

    `ranges`, `shown` (bits from the byte `shown_from` on) and `deferred` are the script's texts,
    which only install_line.lua reads. `clock_ms` is the line's clock.
    """

    revision: int
    now_ms: int
    issued: int
    serving: int
    called: int
    claimed: int
    lapsed: int
    admitted: int
    clock_ms: int
    show_called: float
    show_shown: float
    ranges: bytes
    shown_from: int
    shown: bytes
    deferred: bytes


OPEN_CALLS: Final = Fields.of(OpenCalls).from_("issued")


@dataclass(frozen=True, slots=True)
class VisitorTraces:
    """What the store has of one visitor, and of the line at that moment; see find_visitor.lua.

    Times are ms of store time, 0 for none; `shown` and `deferred` are 0 or 1.
    """

    issued: int
    serving: int
    shown: int
    called_ms: int
    until_ms: int
    deferred: int
    session_ms: int
    started_ms: int


VISITOR_TRACES: Final = Fields.of(VisitorTraces)


@dataclass(frozen=True, slots=True)
class Joined:
    """The reply to a batch of joins. `first` is an index in the lobby, a number in the line."""

    code: Code
    now_ms: int
    first: int = 0
    count: int = 0
    called_upto: int = 0
    issued: int = 0
    admitted: int = 0
    session_ms: int = 0
    limit_ms: int = 0


JOINED: Final = Fields.of(Joined).from_("first")


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """A code, the store's time, and the moment or span in ms that belongs to it, 0 for none.

    With a session's deadline comes `limit_ms`, until when it can be renewed: 0 for ever, or not
    told.
    """

    code: Code
    now_ms: int
    ms: int = 0
    limit_ms: int = 0


SESSION_END: Final = Fields.of(LineAnswer).from_("ms")
