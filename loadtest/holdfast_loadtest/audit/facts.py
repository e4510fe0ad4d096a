"""The event stream, turned into facts the checks can count.

This is the one place that knows what the `data` of each event type is called. An event of a type
not listed here is still checked for its place in the sequence, and otherwise ignored, as the
contract asks of every client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from holdfast_loadtest.wire import Event

FIRST_EPOCH: Final = 1
HOLD_BEGINS: Final = frozenset({"hold.created", "hold.reacquired"})
HOLD_ENDS: Final = frozenset({"hold.released", "hold.expired"})


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """Where an event stands: the sale's event epoch, and its number within that epoch."""

    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"


@dataclass(frozen=True, slots=True)
class Issue:
    """One pass that was issued."""

    at_ms: int
    pass_id: str
    number: int | None


@dataclass(frozen=True, slots=True)
class VisitorCall:
    """Numbers `first` to `last` were called."""

    at_ms: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Units:
    """Seats by guid, and quantities of areas."""

    seats: tuple[str, ...] = ()
    areas: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.seats or self.areas)

    @property
    def count(self) -> int:
        return len(self.seats) + sum(self.areas.values())

    def without(self, gone: Units) -> Units:
        """What is left when `gone` was given back."""
        areas = {area: units - gone.areas.get(area, 0) for area, units in self.areas.items()}
        return Units(tuple(seat for seat in self.seats if seat not in gone.seats), areas)


class UnreadableEvent(ValueError):
    """An event whose id or time is not in the contract's form."""


def cursor_of(event: Event) -> Cursor:
    """`<sale uid>.<epoch>-<seq>`: the id of the CloudEvent carries the cursor."""
    epoch, dash, seq = event.id.rpartition(".")[2].partition("-")
    if not dash or not epoch.isdigit() or not seq.isdigit():
        raise UnreadableEvent(f"event id {event.id!r} does not end in <epoch>-<seq>")
    return Cursor(int(epoch), int(seq))


def unbroken(events: Iterable[Event]) -> bool:
    """Whether the stream is complete: a store loss begins a new epoch, and may have
    taken the end of the one before, or all of it.
    """
    return all(cursor_of(event).epoch == FIRST_EPOCH for event in events)


def at_ms(event: Event) -> int:
    """The event's store time in whole milliseconds."""
    try:
        moment = datetime.fromisoformat(event.time)
    except ValueError as error:
        raise UnreadableEvent(f"event {event.id} has time {event.time!r}") from error
    return round(moment.timestamp() * 1000)


def of_types(events: Iterable[Event], *types: str) -> Iterator[Event]:
    return (event for event in events if event.type in types)


def line_facts(events: Iterable[Event]) -> Iterator[tuple[Event, VisitorCall | Issue]]:
    """Calls and passes, in stream order."""
    for event in events:
        if event.type == "line.called":
            first, last = _whole(event.data, "first"), _whole(event.data, "last")
            if first is not None and last is not None:
                yield event, VisitorCall(at_ms(event), first, last)
        elif event.type == "pass.issued":
            number = _whole(event.data, "number")
            yield event, Issue(at_ms(event), _text(event, "pass_id"), number)


def issues(events: Iterable[Event]) -> list[Issue]:
    """Every pass of the sale, in stream order."""
    return [fact for _, fact in line_facts(events) if isinstance(fact, Issue)]


def hold_id(event: Event) -> str:
    """A hold and its order share one id; it is the subject of their events."""
    return _text(event, "hold")


def units_of(event: Event) -> Units:
    """The seats and places an event of a hold or an order is about."""
    areas: dict[str, int] = {}
    seats: list[str] = []
    for item in event.data.get("items", ()):
        if item.get("seat") is not None:
            seats.append(str(item["seat"]))
        elif item.get("area") is not None:
            area = str(item["area"])
            areas[area] = areas.get(area, 0) + int(item.get("quantity", 1))
    return Units(tuple(seats), areas)


def _text(event: Event, name: str) -> str:
    value = event.data.get(name, event.subject)
    return "" if value is None else str(value)


def _whole(data: dict[str, Any], name: str) -> int | None:
    value = data.get(name)
    return None if value is None else int(value)
