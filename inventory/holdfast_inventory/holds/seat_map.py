"""The seat map: one character for each seat, counts, and the event cursor that it is true at.

One script reads it, so states, counts and cursor belong together, and a client that goes on with
the changes after `version` misses nothing. A process reads the store again only when it knows of a
newer revision or the reading is older than MAP_AGE_SECONDS. Callers that arrive during a reading
share the next one, so that many reloads at once cost one reading. Each encoded and compressed form
is made at most once per reading.

Sixty thousand seats are 60 KB plain and, sold out or all free, well under 15 KB compressed.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import deque
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import msgspec

from holdfast_inventory.holds.allotments import shown_states
from holdfast_inventory.holds.compact_states import pack_states
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.hold_terms import SeatsReading
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.records import SeatState
from holdfast_tasks import start_task

MAP_AGE_SECONDS: Final = 0.25
SWEEPS_MAX: Final = 200
MAPS_KEPT: Final = 8
GZIP_LEVEL: Final = 6
_BLOCKED: Final = SeatState.BLOCKED.byte


@dataclass(frozen=True)
class SeatMap:
    """One reading of the seats, and its encoded forms."""

    reading: SeatsReading
    plan: Plan
    settings: InventorySettings
    uid: str = ""
    channel: str = ""
    _views: dict[str, SeatMap] = field(default_factory=dict, repr=False, compare=False)

    def seen_by(self, channel: str) -> SeatMap:
        """The same reading as a buyer with `channel` sees it; made once for each channel."""
        if channel == self.channel:
            return self
        if channel not in self._views:
            self._views[channel] = replace(self, channel=channel, _views={})
        return self._views[channel]

    @property
    def etag(self) -> str:
        """The entity tag: unique over all sales that have had this address, and over releases,
        which a worker may not have learnt of when it read the map.
        """
        name = f"{self.uid}-{self.version}-{self.reading.revision}"
        if not self.settings.sets_aside:
            return name
        return f"{name}-{len(self.settings.released)}-{self.channel}"

    @property
    def version(self) -> str:
        """The cursor of the last event that is in this map."""
        epoch, seq = self.reading.cursor
        return f"{epoch}-{seq}"

    @cached_property
    def members(self) -> dict[str, object]:
        """As the API shows it."""
        reading = self.reading
        states = shown_states(reading.states, self.plan.set_aside, self.settings, self.channel)
        withheld = states.count(_BLOCKED) - reading.states.count(_BLOCKED)
        areas = self._areas()
        withheld += sum(units.get("blocked", 0) for units in areas.values())
        return {
            "version": self.version,
            "etag": self.etag,
            "plan_version": self.plan.version,
            "counts": {
                "free": reading.free - withheld,
                "held": reading.held,
                "booked": reading.booked,
                "blocked": reading.blocked + withheld,
            },
            "states": states.decode("ascii"),
            "areas": areas,
        }

    def _areas(self) -> dict[str, dict[str, int]]:
        """The units of each area by state; free ones that are set aside for others are blocked."""
        shown = {}
        for area, (free, held) in zip(self.settings.areas, self.reading.areas, strict=True):
            units = {"free": free, "held": held, "booked": area.capacity - free - held}
            if self.settings.withheld(area.channel, {self.channel}):
                units |= {"free": 0, "blocked": free}
            shown[area.id] = {**units, "capacity": area.capacity}
        return shown

    @cached_property
    def json(self) -> bytes:
        """The map as JSON."""
        return msgspec.json.encode(self.members)

    @cached_property
    def msgpack(self) -> bytes:
        """The map as msgpack: the same members."""
        return msgspec.msgpack.encode(self.members)

    @cached_property
    def compact(self) -> bytes:
        """The map as msgpack with two bits a seat, and the number of seats beside them."""
        states = str(self.members["states"]).encode()
        packed = {"states": pack_states(states), "seat_count": len(states)}
        return msgspec.msgpack.encode({**self.members, **packed})

    @cached_property
    def json_gzip(self) -> bytes:
        """The JSON, compressed."""
        return gzip.compress(self.json, GZIP_LEVEL, mtime=0)

    @cached_property
    def msgpack_gzip(self) -> bytes:
        """The msgpack, compressed."""
        return gzip.compress(self.msgpack, GZIP_LEVEL, mtime=0)

    @cached_property
    def compact_gzip(self) -> bytes:
        """The compact form, compressed."""
        return gzip.compress(self.compact, GZIP_LEVEL, mtime=0)

    @cached_property
    def json_with_guids(self) -> bytes:
        """The map as JSON, with the guids of the seats in each state."""
        states, guids = str(self.members["states"]), self.plan.guids
        by_state = {
            word: [guids[at] for at, letter in enumerate(states) if letter == of_word]
            for word, of_word in {state.word: state.value for state in SeatState}.items()
        }
        return msgspec.json.encode({**self.members, "seats": by_state})


class MapReader:
    """Reads the map of one sale for all callers of the process."""

    def __init__(
        self, ref: SaleRef, plan: Plan, settings: InventorySettings, calls: InventoryCalls
    ) -> None:
        self._ref = ref
        self._plan = plan
        self._settings = settings
        self._calls = calls
        self._latest: SeatMap | None = None
        self._recent: deque[SeatMap] = deque(maxlen=MAPS_KEPT)
        self._read_at = 0.0
        self._running: asyncio.Task[SeatMap] | None = None
        self._next: asyncio.Task[SeatMap] | None = None

    def apply(self, settings: InventorySettings) -> None:
        """Replaces the settings that the map is shown by."""
        self._settings = settings
        self._latest = None

    async def read(self) -> SeatMap:
        """A map that was read after this call, or that no newer revision is known of."""
        latest = self._latest
        fresh = time.monotonic() - self._read_at < MAP_AGE_SECONDS
        if latest is not None and fresh and latest.reading.revision >= self._ref.revision:
            return latest
        if self._running is None or self._running.done():
            self._running = start_task(self._read(), name="read the map", awaited=True)
            return await asyncio.shield(self._running)
        # That reading may have begun before this call: share the one after it.
        if self._next is None or self._next.done():
            self._next = start_task(
                self._read_after(self._running), name="read the map next", awaited=True
            )
        return await asyncio.shield(self._next)

    def later_than(self, known: SeatMap | None) -> list[SeatMap]:
        """The last readings, in order: those after `known`, or all where it is none of them."""
        recent = list(self._recent)
        return recent[next((at + 1 for at, one in enumerate(recent) if one is known), 0) :]

    async def _read_after(self, running: asyncio.Task[SeatMap]) -> SeatMap:
        await asyncio.wait({running})
        self._running, self._next = self._next, None
        return await self._read()

    async def _read(self) -> SeatMap:
        started = time.monotonic()
        for _ in range(SWEEPS_MAX):
            reading = await self._calls.read_seats(self._ref, len(self._settings.areas))
            if not reading.overdue:
                break
            await self._calls.expire_holds(self._ref)
        self._latest = SeatMap(reading, self._plan, self._settings, self._ref.uid)
        self._recent.append(self._latest)
        self._read_at = started
        return self._latest
