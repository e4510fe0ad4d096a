"""How do holds and waiting compare with what shops write: locks, WATCH, a sorted set?

    python loadtest/bench/contenders.py [--rounds 5] [--pairs 150] [--waiting 200000]

Two seats that the buyer names, held through `SaleInventory`, by a lock of redis-py for each seat
(Redlock's way), and by reading them and writing under WATCH and MULTI; 50 buyers at a time, each
turn in a sale of its own on the same embedded store. First each pair is wanted once, then four
times, one of them shifted by a seat. Processor time is that of this process and the store's for a
hold that was made: what was refused has cost and does not count. After each turn every seat that
was answered is compared with the store: one that two buyers have ends the run.

Then the line, over HTTP: the service's status poll, its own view and its join, beside an aiohttp
server that keeps the line as a sorted set: a poll reads the rank (ZRANK), a join adds (INCR, ZADD).
Processor time is that of server and store. After it the ranks are compared with the order of
joining.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from bench.holds import Sale
from bench.kit import contest
from bench.kit.clients.redis_py_ways import pooled_client
from bench.kit.clients.seat_holders import (
    HoldfastHolder,
    LockHolder,
    SeatHolder,
    Seats,
    WatchHolder,
    doubly_sold,
)
from bench.kit.clocks import Clock, Meter, Sample, store_clock, this_process
from bench.kit.command import Bench, Recorder
from bench.kit.contest import Contestant
from bench.kit.plans import SETTINGS, plan_json
from bench.kit.servers.ranked_line import TICKET, fill, ranked_server, ranks_differ
from bench.kit.service import BASE, QUEUED, Service, json_request, running_service
from bench.kit.store import embedded_store
from bench.kit.turns import Comparison, Side, Turn
from bench.over_http.http_size import last_ticket
from holdfast_inventory.holds.inventory_image import make_image
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import compile_plan

BUYERS: Final = 50
OURS, LOCKS, WATCH = "Holdfast", "a lock a seat", "WATCH and MULTI"
POLL, VIEW, RANK = "Holdfast, status poll", "Holdfast, own view", "a rank a poll"
JOINS, ADDS = "Holdfast, join", "INCR and ZADD"
TIMES_WANTED: Final = 4
TICKETS: Final = 1_000
"""of the sorted set, whose holders ask in turn"""

NewHolder = Callable[[], Awaitable[SeatHolder]]


def wanted_once(pairs: int) -> list[Seats]:
    """Pairs of neighbours, no seat twice, in no order."""
    wanted: list[Seats] = [(2 * pair, 2 * pair + 1) for pair in range(pairs)]
    Random(1).shuffle(wanted)  # noqa: S311 - the same every time
    return wanted


def wanted_by_four(pairs: int) -> list[Seats]:
    """Each pair by three buyers, and its second seat with the next one's first by a fourth."""
    return [
        seats
        for first, second in wanted_once(pairs)
        for seats in [(first, second)] * (TIMES_WANTED - 1) + [(second, second + 1)]
    ]


async def sell(holder: SeatHolder, wanted: list[Seats], meter: Meter) -> Sample:
    """Everybody asks once, BUYERS at a time; raises SystemExit when a seat was given twice."""
    asked = iter(enumerate(wanted))
    answered: list[tuple[str, Seats]] = []

    async def buyers() -> None:
        for number, seats in asked:
            buyer = f"buyer-{number}"
            if await holder.hold(buyer, seats):
                answered.append((buyer, seats))

    with meter:
        await asyncio.gather(*[buyers() for _ in range(BUYERS)])
    if wrong := doubly_sold(answered, await holder.owners()):
        raise SystemExit(f"{type(holder).__name__}: {'; '.join(wrong[:5])}")
    return meter.sample(len(answered), len(wanted) - len(answered))


async def compare_holds(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares holds of seats that nobody else wants, then of seats that four want."""
    async with embedded_store() as (path, executor), pooled_client(path) as client:
        clocks = {"service": this_process, "store": await store_clock(executor)}
        plan = compile_plan(plan_json(options.seats), SETTINGS)
        image, names = make_image(plan, SETTINGS), itertools.count()

        async def ours() -> SeatHolder:
            sale = await Sale.install(executor, plan, image)
            return HoldfastHolder(SaleInventory("bench", sale.ref, plan, SETTINGS, sale.calls))

        async def locks() -> SeatHolder:
            return LockHolder(client, f"locks-{next(names)}")

        async def watch() -> SeatHolder:
            return WatchHolder(client, f"watch-{next(names)}")

        ways = {OURS: ours, LOCKS: locks, WATCH: watch}
        for title, wanted in (
            ("two named seats", wanted_once(options.pairs)),
            ("two named seats that four want", wanted_by_four(options.pairs)),
        ):
            sides = [Side(way, selling(new, wanted, clocks)) for way, new in ways.items()]
            await recorder.compare(Comparison(title, OURS, sides, tuple(clocks), unit="holds"))


def selling(new: NewHolder, wanted: list[Seats], clocks: dict[str, Clock]) -> Turn:
    """A turn is a sale of its own."""

    async def turn_of() -> Sample:
        return await sell(await new(), wanted, Meter(clocks))

    return turn_of


async def compare_lines(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares polls and joins of a long line."""
    with running_service(QUEUED) as service:
        ticket = await last_ticket(service, service.expect("GET", BASE)["uid"], options.waiting)
        tickets = fill(service.store, options.waiting)
        with ranked_server(service) as ranked:
            await compare_polls(recorder, service, ranked, ticket, options)
            await compare_joins(recorder, service, ranked, options)
        if wrong := ranks_differ(service.store, tickets):
            raise SystemExit("; ".join(wrong[:5]))


async def compare_polls(
    recorder: Recorder,
    service: Service,
    ranked: Contestant,
    ticket: str,
    options: argparse.Namespace,
) -> None:
    """Compares what somebody asks who waits."""
    numbers = Random(1).choices(range(1, options.waiting + 1), k=TICKETS)  # noqa: S311
    asking = itertools.cycle(
        [json_request("GET", BASE + "/ticket", {TICKET: str(n)}) for n in numbers]
    )
    ours = Contestant.of(service)
    view = json_request("GET", BASE + "/ticket", {TICKET: ticket})
    sides = [
        Side(POLL, ours.turn_of(json_request("GET", BASE + "/status"), options)),
        Side(VIEW, ours.turn_of(view, options)),
        Side(RANK, ranked.turn_of(asking, options)),
    ]
    title = f"a poll, {options.waiting:,} waiting"
    await recorder.compare(Comparison(title, POLL, sides, ("service", "store")))


async def compare_joins(
    recorder: Recorder, service: Service, ranked: Contestant, options: argparse.Namespace
) -> None:
    """Compares joins, which everybody asks for once."""
    join = json_request("POST", BASE + "/tickets", body={})
    sides = [
        Side(JOINS, Contestant.of(service).turn_of(join, options, 201)),
        Side(ADDS, ranked.turn_of(join, options, 201)),
    ]
    title = f"a join, {options.waiting:,} waiting"
    await recorder.compare(Comparison(title, JOINS, sides, ("service", "store")))


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares ways to hold, then ways to wait."""
    await compare_holds(recorder, options)
    await compare_lines(recorder, options)


def add_options(parser: argparse.ArgumentParser) -> None:
    contest.add_options(seconds=0.3)(parser)
    parser.add_argument("--seats", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=150, help="that are wanted in each turn")
    parser.add_argument("--waiting", type=int, default=200_000)


BENCH: Final = Bench(
    "contenders",
    __doc__,
    measure,
    5,
    add_options,
    quick={"seats": 1_000, "pairs": 50, "waiting": 1_000, "seconds": 0.1},
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
