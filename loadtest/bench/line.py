"""What the line costs with ten thousand and with ten million waiting, measured in one run.

    python loadtest/bench/line.py [--rounds 25] [--calls 100]

Two sales on one embedded store, with 10,000 and with 10,000,000 waiting, take turns, so that a
busy machine slows both. What counts are the ratios:

- store: microseconds that a join, a batch of 100 joins, an admitting claim and a tick
  spend in the store (INFO commandstats);
- process: microseconds that a visitor's view and a status document take this process;
- bytes that the store keeps for each of a million waiting, those who came and one presence window
  included (identities and address limits are off).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from holdfast_ledger.draws import DrawRecord, Draws
from holdfast_ledger.sales import Sales
from holdfast_lua import EmbeddedStore, Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.line import LineCalls, LineCheckpoint
from holdfast_lua.calls.sale import SaleCalls, SaleTimes
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices, make_room_services
from holdfast_queue.line.settings import LineSettings
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.keyring import Keyring

SMALL, LARGE, MEMORY_AT = 10_000, 10_000_000, 1_000_000
PLENTY = 100_000_000
BATCH = 100
CALLED = 20_000
SETTINGS = LineSettings(
    new_users_per_minute=6_000_000, burst=1_000_000, total_active_users=10_000_000
)
Work = Callable[[], Awaitable[object]]


@dataclass
class Side:
    """One sale of a size."""

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


async def make_side(executor: Executor, services: RoomServices, name: str, waiting: int) -> Side:
    """A sale with so many waiting behind those who were called."""
    ref = SaleRef(name, 1)
    calls = LineCalls(executor)
    start = LineCheckpoint(
        ceiling=PLENTY, issued=CALLED + waiting, frozen=True, serving=CALLED, fresh=True
    )
    await calls.install_line(ref, SETTINGS.terms, start)
    inventory = {"free": PLENTY, "held": 0, "booked": 0, "blocked": 0}
    await SaleCalls(executor).install(
        ref,
        name=name,
        lifecycle="live",
        settings_version=1,
        times=SaleTimes(),
        inventory=inventory,
    )
    # As called as the others would be; a tick calls nobody more, so the sizes stay.
    now_ms = int(time.time() * 1000)
    member = f"1 {CALLED} {CALLED} {now_ms} {now_ms + 3_600_000}"
    await executor.command("ZADD", keys.calls(name), CALLED, member)
    await executor.command("HSET", keys.line(name), "called", CALLED, "rate", 0)
    room = Room(name, ref, SETTINGS, services)
    await room.tick()
    return Side(waiting, room, calls)


async def store_micros(executor: Executor, work: Work, calls: int) -> float:
    """Mean microseconds in the store of one call."""
    await executor.command("CONFIG", "RESETSTAT")
    for _ in range(calls):
        await work()
    info = (await executor.command("INFO", "commandstats")).decode()
    line = next(line for line in info.splitlines() if line.startswith("cmdstat_evalsha:"))
    return float(dict(part.split("=") for part in line.split(":")[1].split(","))["usec_per_call"])


def poll_micros(side: Side, calls: int) -> float:
    """Process time of one visitor's view; the status poll serves ready bytes of equal length."""
    number = side.waiting // 2
    ticket = Ticket(side.room.uid, 1, 1, number + CALLED, None, 0)
    started = time.process_time()
    for _ in range(calls * 20):
        side.room.visit(ticket)
    return 1e6 * (time.process_time() - started) / (calls * 20)


async def compare(executor: Executor, sides: list[Side], options: argparse.Namespace) -> None:
    """Takes turns; prints the best rounds (a busy machine only adds) and their ratios."""
    measured: dict[str, list[list[float]]] = {}
    for _ in range(options.rounds):
        for at, side in enumerate(sides):
            works = {
                "store: join": side.join,
                f"store: join of {BATCH}": side.join_batch,
                "store: claim that admits": side.claim,
                "store: step": side.step,
            }
            for name, work in works.items():
                micros = await store_micros(executor, work, options.calls)
                measured.setdefault(name, [[], []])[at].append(micros)
            view = poll_micros(side, options.calls)
            measured.setdefault("process: view", [[], []])[at].append(view)
    for name, (small, large) in measured.items():
        one, other = min(small), min(large)
        print(f"{name:26} {one:8.2f} us {other:8.2f} us   {other / one:5.2f}x")


async def bytes_per_waiting(executor: Executor, services: RoomServices) -> float:
    """All keys of a sale's line with a million waiting, everybody present and everybody come."""
    side = await make_side(executor, services, "memory", MEMORY_AT)
    uid, count = side.room.uid, MEMORY_AT + CALLED
    await executor.command("SETBIT", keys.shown(uid), count, 1)
    bits = b"\xff" * (count // 8)
    for window in (1, 2, 3, 4):
        await side.calls.mark_present(side.room.ref, window, f"line:{window}", 0, bits)
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


async def run(url: str, options: argparse.Namespace) -> None:
    """The whole benchmark."""
    keyring = Keyring("a secret of the benchmark, of thirty-two characters")
    async with Executor(url) as executor:
        services = make_room_services(
            executor, keyring, "http://wait.example", NoSales(), NoDraws()
        )
        sides = [
            await make_side(executor, services, "small", SMALL),
            await make_side(executor, services, "large", LARGE),
        ]
        print(f"{'waiting':26} {SMALL:>8,}    {LARGE:>8,}      ratio")
        await compare(executor, sides, options)
        each = await bytes_per_waiting(executor, services)
        print(
            f"store bytes for each of {MEMORY_AT:,} waiting, four windows of presence: {each:.2f}"
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--calls", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, EmbeddedStore(Path(name)) as store:
        uvloop.run(run(store.url, options))


if __name__ == "__main__":
    main()
