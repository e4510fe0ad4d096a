"""The events of a sale: CloudEvents for the platform, seat changes for a map.

The scripts write events with plan indices and flat lists of area units. Here they get public names:
`data.items` lists seats by guid and areas by id. A cursor is `<epoch>-<seq>`; what follows it is
complete, or the answer is `cursor_expired` and the client starts anew. Delivery is at least once,
always with the same id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.hold_terms import EventsReading, StreamEvent
from holdfast_lua.calls.records import SeatState, areas_of
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.paths import sale_path
from holdfast_web.timestamps import timestamp

EVENTS_MAX: Final = 500
CURSOR_CHARS_MAX: Final = 40

Cursor = tuple[int, int]

_BEFORE_EVERYTHING: Final = (1, 0)
_CURSOR: Final = re.compile(r"([0-9]{1,15})-([0-9]{1,16})")

_REPLACED_MEMBERS: Final = ("seats", "runs", "areas", "expires_ms")

# The state that an event puts its seats into.
SEAT_STATES: Final = {
    "hold.created": SeatState.HELD,
    "hold.reacquired": SeatState.HELD,
    "hold.released": SeatState.FREE,
    "hold.expired": SeatState.FREE,
    "order.confirmed": SeatState.BOOKED,
    "order.refunded": SeatState.FREE,
    "seats.blocked": SeatState.BLOCKED,
    "seats.unblocked": SeatState.FREE,
    "allotment.released": SeatState.FREE,
}


@dataclass(frozen=True, slots=True)
class EventPage:
    """Items and the cursor to go on from; `more` when further ones were there at once."""

    items: list[dict[str, object]]
    cursor: str
    more: bool


def read_cursor(text: str | None) -> tuple[int, int] | None:
    """The cursor in `text`, None for none; 400 when it cannot be one of ours.

    0 and 0-0 are short for the cursor before everything, as they are in Redis streams.
    """
    if text is None or text == "":
        return None
    if text in {"0", "0-0"}:
        return _BEFORE_EVERYTHING
    match = _CURSOR.fullmatch(text) if len(text) <= CURSOR_CHARS_MAX else None
    if match is None:
        raise invalid("after", "A cursor reads <epoch>-<seq>.")
    return int(match[1]), int(match[2])


async def cloud_events(
    inventory: SaleInventory, after: tuple[int, int] | None, limit: int
) -> EventPage:
    """A page of all events as CloudEvents."""
    reading = await inventory.events(after, limit)
    if reading.trimmed:
        raise expired_cursor("The events after this cursor are no longer kept.")
    items = [_cloud_event(inventory, event) for event in reading.events]
    return _page(items, reading, after, limit)


async def seat_changes(
    inventory: SaleInventory, after: Cursor, limit: int, channel: str = ""
) -> EventPage:
    """A page of the changes of seats after a cursor, without the buyers behind them."""
    reading = await inventory.events(after, limit)
    require_continued(reading, after)
    return _page(change_items(reading.events, inventory, channel), reading, after, limit)


def change_items(
    events: Iterable[StreamEvent], inventory: SaleInventory, channel: str = ""
) -> list[dict[str, object]]:
    """The changes of seats in these events, as a buyer with `channel` sees them.

    A seat that becomes free and is set aside for another channel is shown as blocked; units of
    such areas are left out.
    """
    items = []
    hidden = {
        a.id for a in inventory.settings.areas if inventory.settings.withheld(a.channel, {channel})
    }
    for event in events:
        if event.kind in SEAT_STATES:
            item = _seat_change(event, inventory.settings, hidden)
            items.append(item)
            if inventory.plan.set_aside and item["state"] == SeatState.FREE:
                items += _withhold(item, inventory, channel)
    return items


def _withhold(
    item: dict[str, object], inventory: SaleInventory, channel: str
) -> list[dict[str, object]]:
    """Moves the seats that this channel may not buy from the item into one of their own."""
    seats: list[int] = item["seats"]  # type: ignore[assignment]  # made by _seat_change
    carried, plan = frozenset({channel}), inventory.plan
    withheld = [at for at in seats if inventory.settings.withheld(plan.kind(at).channel, carried)]
    if not withheld:
        return []
    moved = frozenset(withheld)
    item["seats"] = [at for at in seats if at not in moved]
    return [{**item, "state": SeatState.BLOCKED, "seats": withheld, "areas": []}]


def map_channel(inventory: SaleInventory, text: str | None) -> str:
    """The channel whose view of the map is asked for, empty for the general one."""
    settings = inventory.settings
    known = {allotment.channel for allotment in settings.allotments}
    if text and text not in known | {area.channel for area in settings.areas}:
        raise invalid("channel", "The sale has no such channel.")
    return text or ""


def require_continued(reading: EventsReading, after: Cursor) -> None:
    """Raises `cursor_expired` unless the events continue a map: one epoch and no gap."""
    if reading.trimmed:
        raise expired_cursor("The events after this cursor are no longer kept.")
    for event in reading.events:
        if event.cursor[0] != after[0] or event.kind == "inventory.rebuilt":
            raise expired_cursor("The sale was rebuilt after this cursor; read the map anew.")


def expired_cursor(detail: str) -> HoldfastError:
    """410 `cursor_expired`."""
    return HoldfastError(ErrorCode.CURSOR_EXPIRED, detail)


def _page(
    items: list[dict[str, object]],
    reading: EventsReading,
    after: tuple[int, int] | None,
    limit: int,
) -> EventPage:
    end = reading.events[-1].cursor if reading.events else (after or reading.last)
    more = len(reading.events) == limit and end != reading.last
    return EventPage(items, f"{end[0]}-{end[1]}", more)


def _cloud_event(inventory: SaleInventory, event: StreamEvent) -> dict[str, object]:
    body: dict[str, Any] = msgspec.msgpack.decode(event.body)
    marked = {"test": True} if inventory.test else {}
    return {
        "specversion": "1.0",
        "id": body["id"],
        "source": sale_path(inventory.name),
        "type": event.kind,
        "time": body["time"],
        "subject": body.get("subject"),
        "datacontenttype": "application/json",
        "data": event_data(body.get("data"), inventory.plan, inventory.settings),
        **marked,
    }


def event_data(data: object, plan: Plan, settings: InventorySettings) -> dict[str, object]:
    """The data of an event with seats and areas by name, as `items`."""
    if not isinstance(data, dict):
        return {}
    named = {name: value for name, value in data.items() if name not in _REPLACED_MEMBERS}
    if "expires_ms" in data:
        named["expires_at"] = timestamp(data["expires_ms"])
    if "seats" in data or "areas" in data:
        named["items"] = [
            *({"seat": plan.guids[seat], "quantity": 1} for seat in _seats_in(data)),
            *_area_items(data, settings),
        ]
    return named


def _seats_in(data: Mapping[str, Any]) -> list[int]:
    """The seats of an event, one by one: many are written as runs, from first to last."""
    runs: Sequence[int] = data.get("runs", ())
    listed: list[int] = list(data.get("seats", ()))
    for first, last in zip(runs[::2], runs[1::2], strict=True):
        listed += range(first, last + 1)
    return listed


def _area_items(data: Mapping[str, Any], settings: InventorySettings) -> list[dict[str, object]]:
    return [
        {"area": settings.areas[units.area].id, "quantity": units.quantity}
        for units in areas_of(data.get("areas", ()))
    ]


def _seat_change(
    event: StreamEvent, settings: InventorySettings, unsynced: Set[str]
) -> dict[str, object]:
    data = msgspec.msgpack.decode(event.body)["data"]
    return {
        "version": f"{event.cursor[0]}-{event.cursor[1]}",
        "type": event.kind,
        "state": SEAT_STATES[event.kind],
        "seats": _seats_in(data),
        "areas": [u for u in _area_items(data, settings) if u["area"] not in unsynced],
    }
