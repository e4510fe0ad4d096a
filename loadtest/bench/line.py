"""What do joins, claims, steps and views cost as the line grows from ten thousand to ten million?

    python loadtest/bench/line.py [--calls 50] [--sizes 10000 100000 1000000 10000000]

One sale for each size, on one embedded store, in turns:

- join, a batch of 100 joins, an admitting claim, a tick of the line: processor time of the store;
- a visitor's view (the status poll serves ready bytes of equal length): processor time of this
  process, without HTTP;
- bytes that the store keeps for each of a million waiting, those who came and one presence window
  included (identities and address limits are off).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bench.kit.clocks import Clock, Meter, Sample, store_clock, this_process
from bench.kit.command import Bench, Recorder
from bench.kit.store import embedded_store, install_sale
from bench.kit.turns import Side, Turn, by_size
from holdfast_ledger.draws import DrawRecord, Draws
from holdfast_ledger.sales import Sales
from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.line import LineCalls, LineCheckpoint
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices, make_room_services
from holdfast_queue.line.settings import LineSettings
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.keyring import Keyring

SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
MEMORY_AT: Final = 1_000_000
SLACK: Final = 1.5
"""what a size may cost beside the smallest"""
VIEWS: Final = 20
"""as many for each call, since one takes so little"""
PLENTY = 100_000_000
BATCH = 100
CALLED = 20_000
SETTINGS = LineSettings(
    new_users_per_minute=6_000_000, burst=1_000_000, total_active_users=10_000_000
)
Work = Callable[[], Awaitable[object]]


@dataclass
class Line:
    """One sale with so many waiting."""

    waiting: int
    room: Room
    calls: LineCalls
    claimed: int = 0

    async def join(self) -> None:
        await self.calls.join_line(self.room.ref, 1, PLENTY)

    async def join_batch(self) -> None:
        await self.calls.join_line(self.room.ref, BATCH, PLENTY)

    async def claim(self) -> None:
        self.claimed += 1
        await self.calls.claim_pass(self.room.ref, self.claimed, f"pass-{self.claimed:020}")

    async def step(self) -> None:
        await self.room.tick()


async def make_line(executor: Executor, services: RoomServices, name: str, waiting: int) -> Line:
    """A sale with so many waiting behind those who were called."""
    ref = SaleRef(name, 1)
    calls = LineCalls(executor)
    start = LineCheckpoint(
        ceiling=PLENTY, issued=CALLED + waiting, frozen=True, serving=CALLED, fresh=True
    )
    await calls.install_line(ref, SETTINGS.terms, start)
    inventory = {"free": PLENTY, "held": 0, "booked": 0, "blocked": 0}
    await install_sale(executor, ref, name, inventory)
    # As called as the others would be; a tick calls nobody more, so the sizes stay.
    now_ms = int(time.time() * 1000)
    member = f"1 {CALLED} {CALLED} {now_ms} {now_ms + 3_600_000}"
    await executor.command("ZADD", keys.calls(name), CALLED, member)
    await executor.command("HSET", keys.line(name), "called", CALLED, "rate", 0)
    room = Room(name, ref, SETTINGS, services)
    await room.tick()
    return Line(waiting, room, calls)


def storing(work: Work, calls: int, store: Clock) -> Turn:
    """A turn of so many calls, one after the other."""

    async def turn() -> Sample:
        with Meter({"service": this_process, "store": store}) as meter:
            for _ in range(calls):
                await work()
        return meter.sample(calls)

    return turn


def viewing(line: Line, calls: int) -> Turn:
    """A turn of views of one in the middle of the line."""
    ticket = Ticket(line.room.uid, 1, 1, line.waiting // 2 + CALLED, None, 0)

    def turn() -> Sample:
        with Meter({"service": this_process}) as meter:
            for _ in range(calls * VIEWS):
                line.room.visit(ticket)
        return meter.sample(calls * VIEWS)

    return turn


def sides(lines: list[Line], turns: list[Turn]) -> list[Side]:
    """The same work in lines of all sizes."""
    return [
        Side(f"{line.waiting:,} waiting", turn, line.waiting)
        for line, turn in zip(lines, turns, strict=True)
    ]


async def compare(recorder: Recorder, executor: Executor, lines: list[Line], calls: int) -> None:
    """Compares each kind of work by the length of the line."""
    store = await store_clock(executor)
    works: dict[str, list[Work]] = {
        "join": [line.join for line in lines],
        f"batch of {BATCH} joins": [line.join_batch for line in lines],
        "claim that admits": [line.claim for line in lines],
        "tick of the line": [line.step for line in lines],
    }
    for name, each in works.items():
        turns = [storing(work, calls, store) for work in each]
        await recorder.compare(by_size(name, sides(lines, turns), SLACK, counted="store"))
    turns = [viewing(line, calls) for line in lines]
    await recorder.compare(by_size("visitor's view", sides(lines, turns), SLACK))


async def bytes_per_waiting(executor: Executor, services: RoomServices) -> float:
    """The bytes that the store keeps for each of a million waiting, all of them present."""
    line = await make_line(executor, services, "memory", MEMORY_AT)
    uid, count = line.room.uid, MEMORY_AT + CALLED
    await executor.command("SETBIT", keys.shown(uid), count, 1)
    bits = b"\xff" * (count // 8)
    for window in (1, 2, 3, 4):
        await line.calls.mark_present(line.room.ref, window, f"line:{window}", 0, bits)
    total = 0
    cursor = b"0"
    while True:
        cursor, found = await executor.command("SCAN", cursor, "MATCH", keys.pattern(uid))
        for key in found:
            total += await executor.command("MEMORY", "USAGE", key) or 0
        if cursor in {b"0", 0}:
            return total / MEMORY_AT


class NoSales(Sales):
    """Commits every ceiling at once: the ledger is not what is measured."""

    def __init__(self) -> None: ...

    async def raise_ceiling(self, uid: str, *, epoch: int, ceiling: int) -> int:
        return ceiling


class NoDraws(Draws):
    """Seals every draw at once."""

    def __init__(self) -> None: ...

    async def seal(self, record: DrawRecord, *, epoch: int) -> DrawRecord:
        return record


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Measures each kind of work, then the memory."""
    keyring = Keyring("a secret of the benchmark, of thirty-two characters")
    async with embedded_store() as (_, executor):
        services = make_room_services(
            executor, keyring, "http://wait.example", NoSales(), NoDraws()
        )
        lines = [await make_line(executor, services, f"line{n}", n) for n in options.sizes]
        await compare(recorder, executor, lines, options.calls)
        each = await bytes_per_waiting(executor, services)
        recorder.fact(f"store, for each of {MEMORY_AT:,} who wait", each, "bytes", "at most 1")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=int, default=50, help="of each turn")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))


BENCH: Final = Bench(
    "line", __doc__, measure, 7, add_options, quick={"sizes": [100, 10_000], "calls": 20}
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
