"""What is really in the store, read beside all workers, and whether it is what the model has."""

import asyncio
from dataclasses import dataclass
from typing import Any

from model.reference.store_model import StoreModel
from model.reference.terms import CAPACITY, require
from support.store.event_bodies import event_bodies

from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.records import HoldRecord, unpack_hold

COUNTERS = ("revision", "seq", "free", "held", "booked", "blocked", "apart_free", "apart_held")
OF_THE_SALE = ("inventory.", "seats.")
"""events whose subject is the sale"""
Dump = list[tuple[bytes, bytes]]
"""keys with what they hold, as the store writes it"""


@dataclass(frozen=True)
class RealStore:
    """One sale in the real store."""

    executor: Executor
    uid: str

    async def holds(self) -> list[HoldRecord]:
        raw = await self.executor.command("HGETALL", keys.holds(self.uid))
        return [unpack_hold(raw[at].decode(), raw[at + 1]) for at in range(0, len(raw), 2)]

    async def blocked(self) -> frozenset[int]:
        states = (await self.executor.command("GET", keys.seats(self.uid))).decode()
        return frozenset(seat for seat, state in enumerate(states) if state == "x")

    async def allotted(self) -> bool:
        """Whether anything is set aside."""
        return bool(await self.executor.command("HGET", keys.sale(self.uid), "apart"))

    async def compare(self, model: StoreModel) -> None:
        """Raises where it is not the model's: holds, seats, counters, events."""
        if not model.present:
            return
        command, uid = self.executor.command, self.uid
        holds, states, sale, lifecycle, allotted, events = await asyncio.gather(
            self.holds(),
            command("GET", keys.seats(uid)),
            command("HMGET", keys.sale(uid), *COUNTERS),
            command("HGET", keys.sale(uid), "lifecycle"),
            self.allotted(),
            command("XRANGE", keys.events(uid), f"{model.epoch}-0", "+"),
        )
        model.compare(holds, states.decode())
        counters = dict(zip(COUNTERS, (int(value or 0) for value in sale), strict=True))
        _compare_counters(model, counters)
        require(lifecycle.decode() == model.lifecycle, "state", f"it is {lifecycle}")
        require(allotted is model.allotted, "state", f"set aside: {allotted}")
        _compare_events(model, events, counters["seq"])


async def dump(store: Executor, uid: str) -> Dump:
    """Everything that the store has of a sale."""
    names = sorted(await store.command("KEYS", keys.pattern(uid)))
    dumps = await asyncio.gather(*(store.command("DUMP", name) for name in names))
    return list(zip(names, dumps, strict=True))


async def restore(store: Executor, dumps: Dump) -> None:
    """Brings it back where nothing of it is."""
    await asyncio.gather(*(store.command("RESTORE", name, 0, value) for name, value in dumps))


def _compare_counters(model: StoreModel, counters: dict[str, int]) -> None:
    free, held, booked, blocked = (counters[name] for name in COUNTERS[2:6])
    allotted = counters["apart_free"], counters["apart_held"]
    require(
        allotted == model.allotted_counts(),
        "lost",
        f"{allotted}, allotted {model.allotted_counts()}",
    )
    require(
        (free, held, booked) == model.counts() and free + held + booked + blocked == CAPACITY,
        "lost",
        f"{free, held, booked, blocked} units, should be {model.counts()}",
    )
    revision = counters["revision"]
    require(revision == model.revision, "state", f"revision {revision}")


def _compare_events(model: StoreModel, entries: list[Any], seq: int) -> None:
    found = []
    for at, (entry, body) in enumerate(zip(entries, event_bodies(entries), strict=True), start=1):
        number = entry[0].decode()
        require(number == f"{model.epoch}-{at}", "events", f"{number} is number {at}")
        subject = "" if body["type"].startswith(OF_THE_SALE) else body["subject"]
        found.append((body["type"], subject))
    require(seq == len(entries), "events", f"seq {seq} after {len(entries)} events")
    wanted = model.events
    require(found == wanted, "events", f"{found[-3:]}, should be {wanted[-3:]} ({len(wanted)})")
