"""What a poll over HTTP costs with ten million waiting beside ten thousand.

    python loadtest/bench/http_size.py [--rounds 15] [--seconds 0.5] [--connections 32]

One `holdfast serve --workers 1` has two sales that differ in nothing but the length of their lines:
the numbers are put into the store, and the visitor who asks has joined behind them. Both are asked
in turns, so a busy machine slows both. What counts is the ratio of the serving process's processor
time for each request, long line to short; the aim is at most 1.1.

Before that, what each form of a seat map weighs and what making it takes, once for all clients that
ask between two changes: 60,000 seats at random free, held or booked, which compress worst.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import time
from random import Random
from typing import Any, Final

from bench.holds import plan_json
from bench.http_room import SETTINGS
from bench.kit.contest import HOST, Service, Turn, parser, running_service, spread, turn
from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import InventorySettings
from holdfast_loadtest.hammer import request_bytes
from holdfast_lua import EmbeddedStore, Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.hold_terms import SeatsReading

SIZES: Final = {"short": 10_000, "long": 10_000_000}
AIM: Final = 1.1
SEATS: Final = 60_000
MAP_ROUNDS: Final = 15
MAP_SETTINGS: Final = InventorySettings(prices={"GA": 1000})
ROUTES: Final = {"status poll": "/status", "visitor's view": "/ticket"}

Asked = dict[str, tuple[bytes, ...]]


def compare_maps() -> None:
    """Prints one line for each form of the seat map: bytes, and processor time to make it."""
    plan, states = compile_plan(plan_json(SEATS), MAP_SETTINGS), random_states()
    for name in ("json", "json_gzip", "msgpack", "msgpack_gzip", "compact", "compact_gzip"):
        taken = []
        for _ in range(MAP_ROUNDS):
            seat_map = SeatMap(reading_of(states), plan, MAP_SETTINGS)
            _ = seat_map.members  # the same for every form
            begun = time.process_time()
            body: bytes = getattr(seat_map, name)
            taken.append(time.process_time() - begun)
        print(f"seat map {name:<13} {len(body):>6,} B  {min(taken) * 1e6:7,.0f} us", flush=True)


def random_states() -> bytes:
    """As many free, held and booked seats, in no order."""
    return bytes(Random(1).choices(b"fhb", k=SEATS))  # noqa: S311 - the same every time


def reading_of(states: bytes) -> SeatsReading:
    """What the store would answer."""
    counts = {letter: states.count(letter.encode()) for letter in "fhbx"}
    return SeatsReading(
        revision=1,
        now_ms=1,
        epoch=1,
        cursor=(1, 1),
        states=states,
        free=counts["f"],
        held=counts["h"],
        booked=counts["b"],
        blocked=counts["x"],
        areas=(),
        overdue=False,
    )


def path_of(name: str) -> str:
    return f"/v1/sales/{name}"


def answered(service: Service, method: str, path: str, body: object = None) -> Any:
    return json.loads(service.expect(method, path, body))


async def lengthen(url: str, uid: str, waiting: int) -> None:
    """As if so many had joined before. Nobody is called: the line stays as long as it is."""
    async with Executor(url) as executor:
        await executor.command("HSET", keys.line(uid), "issued", waiting, "rate", 0)


def line_up(service: Service) -> Asked:
    """Makes both sales; what their last visitors ask, by kind."""
    asked: Asked = dict.fromkeys(ROUTES, ())
    store = EmbeddedStore(service.data_dir).url
    for name, waiting in SIZES.items():
        made = answered(service, "PUT", path_of(name), SETTINGS)
        answered(service, "POST", path_of(name) + "/tickets", {})
        asyncio.run(lengthen(store, made["uid"], waiting))
        last = answered(service, "POST", path_of(name) + "/tickets", {})
        if last["number"] != waiting + 1:
            raise SystemExit(f"the last of {waiting:,} has number {last['number']:,}")
        headers = {"Holdfast-Ticket": last["ticket"]}
        for kind, route in ROUTES.items():
            asked[kind] += (request_bytes("GET", path_of(name) + route, HOST, headers, b""),)
    return asked


def one_turn(service: Service, request: bytes, options: argparse.Namespace) -> Turn:
    made = turn(service.contestant, itertools.repeat(request), options)
    if set(made.statuses) != {"200"}:
        raise SystemExit(f"answered {dict(made.statuses)}, 200 was expected")
    return made


def measure(
    service: Service, kind: str, asked: tuple[bytes, ...], options: argparse.Namespace
) -> None:
    """Both lines in turns, each first in every other round; prints one line."""
    taken: list[list[float]] = [[], []]
    for number in range(options.rounds + 1):
        for side in (0, 1) if number % 2 else (1, 0):
            taken[side].append(one_turn(service, asked[side], options).cpu_us)
    short, long = taken[0][1:], taken[1][1:]  # the first round is warm-up
    ratios = [one / other for one, other in zip(long, short, strict=True)]
    medians = [f"{statistics.median(side):4.0f}" for side in (short, long)]
    best = min(long) / min(short)
    print(
        f"{kind:<15} cpu {medians[0]} us, {medians[1]} us"
        f"  ratio {spread(ratios)}, of the best rounds {best:.2f} | aim {AIM:.2f}",
        flush=True,
    )


def main() -> None:
    """The command line."""
    options = parser(__doc__, rounds=15, seconds=0.5).parse_args()
    compare_maps()
    with running_service(SETTINGS) as service:
        print(f"{'waiting':<15} {SIZES['short']:,} and {SIZES['long']:,}", flush=True)
        for kind, asked in line_up(service).items():
            measure(service, kind, asked, options)


if __name__ == "__main__":
    main()
