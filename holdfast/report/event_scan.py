"""Reads the events of a sale once: what was called, held and given back, and in which order.

The store keeps about the last 200,000 events, and a lost store begins a new epoch. Counted are the
events that are kept; checks that need all of them say so when the stream is not whole. What is kept
of them is bounded: an entry for each seat that somebody has, one for each open hold, and a bit for
each number of the line.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from holdfast.report.checks import Check
from holdfast.report.digests import digest_of
from holdfast_inventory.events.events import EVENTS_MAX
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_lua.calls.hold_terms import StreamEvent
from holdfast_lua.calls.line_status import Gap
from holdfast_web.timestamps import unix_ms

PAGES_MAX: Final = 2_000
CALLS_MAX: Final = 20_000
"""calls that are kept for the waits; of more, each second one is left out again and again"""
NUMBERS_MAX: Final = 100_000_000
"""numbers up to here are checked for being admitted twice: 12 MB of bits"""

NOT_WHOLE: Final = "the store no longer has all events of the sale"


@dataclass(frozen=True, slots=True)
class CalledRange:
    """Numbers `first` to `last`, called at one time."""

    at_ms: int
    first: int
    last: int


@dataclass
class EventScan:
    """What the scan has seen."""

    counts: Counter[str] = field(default_factory=Counter)
    """events by type; `line.called` and `line.lapsed` by the numbers in them"""
    ended: Counter[str] = field(default_factory=Counter)
    """passes that ended, by reason"""
    calls: list[CalledRange] = field(default_factory=list)
    whole: bool = True
    announced: int = 0
    """sum of the digests of the orders confirmed"""
    first_ms: int = 0
    last_ms: int = 0
    sold_out_ms: int = 0
    stream: Check = field(default_factory=lambda: Check("stream", "no event is missing"))
    time: Check = field(default_factory=lambda: Check("time", "time never runs back"))
    order: Check = field(
        default_factory=lambda: Check("order", "numbers are called in their order, once")
    )
    once: Check = field(
        default_factory=lambda: Check("once", "each number is admitted once at most")
    )
    hands: Check = field(default_factory=lambda: Check("hands", "no seat is ever in two hands"))

    @property
    def checks(self) -> list[Check]:
        return [self.stream, self.time, self.order, self.once, self.hands]


async def event_pages(inventory: SaleInventory) -> AsyncIterator[Sequence[StreamEvent]]:
    """The events that the store has, from the oldest on."""
    cursor: tuple[int, int] | None = None
    for _ in range(PAGES_MAX):
        reading = await inventory.events(cursor, EVENTS_MAX)
        if reading.events:
            yield reading.events
            cursor = reading.events[-1].cursor
        if len(reading.events) < EVENTS_MAX:
            return


async def scan_events(
    pages: AsyncIterator[Sequence[StreamEvent]], gaps: Sequence[Gap]
) -> EventScan:
    """Follows the events once; `gaps` are the numbers that nobody has."""
    found = EventScan()
    walk = _Walk(found, gaps)
    async for events in pages:
        for event in events:
            walk.meet(event)
    if not found.whole:
        for check in (found.order, found.hands):
            check.skip(NOT_WHOLE)
    return found


class _Walk:
    """Follows the events one by one."""

    def __init__(self, found: EventScan, gaps: Sequence[Gap]) -> None:
        self._found = found
        self._gaps = sorted(gaps)
        self._cursor = (1, 0)
        self._called_to = 0
        self._admitted = bytearray()
        self._owners: dict[int, str] = {}

    def meet(self, event: StreamEvent) -> None:
        found = self._found
        body: dict[str, Any] = msgspec.msgpack.decode(event.body)
        at_ms = unix_ms(datetime.fromisoformat(body["time"]))
        self._continue(event.cursor, at_ms)
        found.first_ms = found.first_ms or at_ms
        found.last_ms = max(found.last_ms, at_ms)
        data = body.get("data")
        self._count(event.kind, at_ms, str(body.get("subject", "")), data or {})

    def _continue(self, cursor: tuple[int, int], at_ms: int) -> None:
        found, (epoch, seq) = self._found, cursor
        found.stream.examined += 1
        found.time.examined += 1
        follows = (self._cursor[0], self._cursor[1] + 1)
        if cursor != follows:
            found.whole = False
            self._owners.clear()
            if found.stream.examined == 1 or epoch != self._cursor[0]:
                found.stream.skip(NOT_WHOLE)
            else:
                found.stream.find(f"event {epoch}-{seq} where {follows[0]}-{follows[1]} was due")
        if at_ms < found.last_ms:
            found.time.find(f"event {epoch}-{seq} is {found.last_ms - at_ms} ms before another")
        self._cursor = cursor

    def _count(self, kind: str, at_ms: int, subject: str, data: Mapping[str, Any]) -> None:
        counts = self._found.counts
        counts[kind] += int(data["count"]) if kind in _RANGES else 1
        if kind == "line.called":
            self._call(CalledRange(at_ms, int(data["first"]), int(data["last"])))
        elif kind == "pass.issued":
            self._admit(data.get("number"))
        elif kind == "pass.ended":
            self._found.ended[str(data["reason"])] += 1
        elif kind == "inventory.sold_out":
            self._found.sold_out_ms = at_ms
        elif kind in _TAKING:
            self._take(subject, data)
        elif kind in _FREEING:
            self._free(subject, data)
        if kind == "order.confirmed":
            self._found.announced += digest_of(subject)

    def _call(self, call: CalledRange) -> None:
        check = self._found.order
        check.examined += 1
        if call.first <= self._called_to:
            check.find(f"{call.first}-{call.last} called when {self._called_to} had been")
        elif self._skipped(call.first):
            check.find(f"{call.first}-{call.last} called after {self._called_to}: some left out")
        self._called_to = max(self._called_to, call.last)
        calls = self._found.calls
        calls.append(call)
        if len(calls) > CALLS_MAX:
            del calls[1::2]

    def _skipped(self, number: int) -> bool:
        """Whether somebody who exists stands between the last number called and this one."""
        due = self._called_to + 1
        for first, last in self._gaps:
            if first <= due <= last:
                due = last + 1
        return number > due

    def _admit(self, number: object) -> None:
        if not isinstance(number, int) or not 0 < number < NUMBERS_MAX:
            return
        at, bit = number >> 3, 1 << (number & 7)
        self._admitted += bytes(max(0, at + 1 - len(self._admitted)))
        self._found.once.examined += 1
        if self._admitted[at] & bit:
            self._found.once.find(f"number {number} was admitted again")
        self._admitted[at] |= bit

    def _take(self, hold_id: str, data: Mapping[str, Any]) -> None:
        check = self._found.hands
        check.examined += 1
        for seat in data.get("seats", ()):
            owner = self._owners.setdefault(seat, hold_id)
            if owner != hold_id:
                check.find(f"seat at {seat} goes to {hold_id} while {owner} has it")

    def _free(self, hold_id: str, data: Mapping[str, Any]) -> None:
        for seat in data.get("seats", ()):
            if self._owners.get(seat) == hold_id:
                del self._owners[seat]


_RANGES: Final = ("line.called", "line.lapsed")
_TAKING: Final = ("hold.created", "hold.reacquired", "order.confirmed")
_FREEING: Final = ("hold.released", "hold.expired", "order.refunded")
