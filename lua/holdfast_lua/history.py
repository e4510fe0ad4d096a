"""The history of a sale's figures in the store: the last hour, and the whole sale.

A point is a struct of numbers, packed as a msgpack array, which the store keeps as it is. What a
store has lost is missing for good; who reads it sees the gap by the points' times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef, guarded
from holdfast_lua.calls.hold_terms import HOLD_AGES, HoldAges
from holdfast_lua.calls.records import Point
from holdfast_lua.client.executor import Executor

STEP_MS: Final = 10_000
HOUR_MAX: Final = 360
WHOLE_MAX: Final = 600


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """Points, oldest first, of which there is at most one in each step of so many ms."""

    step_ms: int
    points: tuple[Point, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Point).decode


class HistoryCalls:
    """The scripts and reads of the history."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def record(self, ref: SaleRef, point: Point) -> bool:
        """Adds a point; False when there is one of that time or later already."""
        args = (point.at_ms, STEP_MS, HOUR_MAX, WHOLE_MAX, _encode(point))
        reply = await guarded(self._executor, ref, "record_point", args)
        return reply.code is Code.OK

    async def hour(self, uid: str) -> StoredHistory:
        """The hour before the newest point."""
        points = await self._points(keys.history_hour(uid))
        oldest_ms = points[-1].at_ms - HOUR_MAX * STEP_MS if points else 0
        return StoredHistory(STEP_MS, tuple(one for one in points if one.at_ms > oldest_ms))

    async def newest(self, uid: str) -> Point | None:
        """The newest point, None without any."""
        stored = await self._executor.command("LRANGE", keys.history_hour(uid), -1, -1)
        return _decode(stored[0]) if stored else None

    async def whole(self, uid: str) -> StoredHistory:
        """The whole sale."""
        step = await self._executor.command("GET", keys.history_step(uid))
        return StoredHistory(int(step or STEP_MS), await self._points(keys.history_whole(uid)))

    async def hold_ages(self, ref: SaleRef) -> HoldAges:
        """How old the oldest hold is, and how late the sweep."""
        reply = await guarded(self._executor, ref, "read_hold_ages")
        return HoldAges(**HOLD_AGES.named(reply.values))

    async def _points(self, key: str) -> tuple[Point, ...]:
        stored: list[bytes] = await self._executor.command("LRANGE", key, 0, -1)
        return tuple(_decode(point) for point in stored)
