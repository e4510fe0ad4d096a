"""What does a poll over HTTP cost with ten million waiting, beside ten thousand?

    python loadtest/bench/over_http/http_size.py [--rounds 7] [--seconds 0.3] [--connections 32]

One `holdfast serve --workers 1` has two sales that differ in nothing but the length of their lines:
the numbers are put into the store, and the visitor who asks has joined behind them. Both are asked
in turns. The short line is the yardstick; the long one may cost a tenth more at most.

Before that, what each form of a seat map weighs and what making it takes, once for all clients that
ask between two changes: 60,000 seats at random free, held or booked, which compress worst; and
what each form of a plan of as many seats weighs.
"""

from __future__ import annotations

import argparse
import time
from random import Random
from typing import Final

from bench.kit import contest
from bench.kit.command import Bench, Recorder
from bench.kit.contest import Contestant
from bench.kit.plans import plan_json, stadium_json
from bench.kit.results import Aim
from bench.kit.service import BASE, QUEUED, Service, json_request, running_service
from bench.kit.turns import Comparison, Side
from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.hold_terms import SeatsReading

SIZES: Final = {"short": 10_000, "long": 10_000_000}
AIM: Final = 1 / 1.1
SEATS: Final = 60_000
MAP_ROUNDS: Final = 15
MAP_SETTINGS: Final = InventorySettings(prices={"GA": 1000})
ROUTES: Final = {"status poll": "/status", "visitor's view": "/ticket"}

RequestsByKind = dict[str, tuple[bytes, ...]]


def compare_maps(recorder: Recorder) -> None:
    """Records the bytes of each form of the seat map, and the processor time to make it."""
    rows = []
    plan = compile_plan(plan_json(SEATS), MAP_SETTINGS)
    # As many free, held and booked seats, in no order, but the same every time.
    states = bytes(Random(1).choices(b"fhb", k=SEATS))  # noqa: S311
    for name in ("json", "json_gzip", "msgpack", "msgpack_gzip", "compact", "compact_gzip"):
        taken = []
        for _ in range(MAP_ROUNDS):
            seat_map = SeatMap(reading_of(states), plan, MAP_SETTINGS)
            _ = seat_map.members  # the same for every form
            begun = time.process_time()
            body: bytes = getattr(seat_map, name)
            taken.append(time.process_time() - begun)
        rows.append((name, f"{len(body):,}", f"{min(taken) * 1e6:,.0f}"))
        print(f"seat map {name:<13} {rows[-1][1]:>6} B  {rows[-1][2]:>7} us", flush=True)
    recorder.table("forms of a seat map", ("Form", "Bytes", "us, the best"), rows)


def compare_plans(recorder: Recorder) -> None:
    """Records the bytes of each form of a plan of as many seats."""
    rows = []
    halls = {
        "regular": plan_json(SEATS),
        "stadium": stadium_json(SEATS),
        "stadium, random guids": stadium_json(SEATS, random_guids=True),
    }
    for hall, text in halls.items():
        plan = compile_plan(text, MAP_SETTINGS)
        for (form, guids), made in plan.forms.items():
            name = (form or "document") + (" without guids" if guids else "")
            for coding, body in made.bodies.items():
                rows.append((hall, name, coding or "none", f"{len(body):,}"))
                print(f"plan, {hall}: {name:<21} {coding:<4} {rows[-1][3]:>10} B", flush=True)
    recorder.table("forms of a plan", ("Hall", "Form", "Coding", "Bytes"), rows)


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


async def last_ticket(service: Service, uid: str, waiting: int, base: str = BASE) -> str:
    """The ticket of who joins a line behind so many; SystemExit where it is not so long.

    The numbers before are put into the store. Nobody is called: the line stays as long as it is.
    """
    service.join(base)
    async with Executor(f"unix://{service.socket}") as executor:
        await executor.command("HSET", keys.line(uid), "issued", waiting, "rate", 0)
    last = service.join(base)
    if last["number"] != waiting + 1:
        raise SystemExit(f"the last of {waiting:,} has number {last['number']:,}")
    return str(last["ticket"])


async def line_up(service: Service) -> RequestsByKind:
    """Creates both sales; returns the requests of their last visitors, by kind."""
    requests: RequestsByKind = dict.fromkeys(ROUTES, ())
    for name, waiting in SIZES.items():
        base = f"/v1/sales/{name}"
        uid = service.expect("PUT", base, QUEUED)["uid"]
        headers = {"Holdfast-Ticket": await last_ticket(service, uid, waiting, base)}
        for kind, route in ROUTES.items():
            requests[kind] += (json_request("GET", base + route, headers),)
    return requests


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """The forms of the map, then a comparison for each kind of poll."""
    compare_maps(recorder)
    compare_plans(recorder)
    with running_service(QUEUED) as service:
        contestant = Contestant.of(service)
        for kind, requests in (await line_up(service)).items():
            sides = [
                Side(f"{size:,} waiting", contestant.turn_of(request, options))
                for size, request in zip(SIZES.values(), requests, strict=True)
            ]
            short, long = (side.name for side in sides)
            await recorder.compare(Comparison(kind, short, sides, aims=[Aim(long, AIM)]))


BENCH: Final = Bench(
    "http_size",
    __doc__,
    measure,
    7,
    contest.add_options(seconds=0.3),
    quick={"seconds": 0.1},
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
