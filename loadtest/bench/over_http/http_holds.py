"""How much of a bare aiohttp server does a hold over HTTP leave?

    python loadtest/bench/over_http/http_holds.py [--rounds 7] [--seconds 0.4] [--connections 32]

Starts `holdfast serve --workers 1` with an embedded store and a plan of 60,000 seats, and takes
one real answer to a hold of two, best available. Then service and yardstick (kit/servers/bare.py
parses the same body and answers the same bytes) are asked in turns, as http_room.py does it. Every
request is another one, under an idempotency key of its own: by the shop's key, each for another
buyer; with a buyer's pass that this worker has seen before; with one that it has not, and which it
has to verify. All must be answered 201, so only holds that were made are counted.
The ratio by processor time is the serving process's; the store's time is in the rate only.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bench.kit import contest
from bench.kit.command import Bench, Recorder
from bench.kit.contest import Contestant, Kind, beside_bare
from bench.kit.plans import plan_json
from bench.kit.service import BASE, JSON, UNHINDERED, Service, bearer, running_service

SEATS: Final = 60_000
KNOWN_PASSES, NEW_PASSES = 500, 20_000
BY_KEY, KNOWN, NEW = "hold by the shop's key", "hold by a known pass", "hold by a new pass"
AIMS: Final = {BY_KEY: 0.45, KNOWN: 0.45, NEW: 0.38}
SETTINGS: Final = UNHINDERED | {"prices": {"A": 9000, "B": 6000, "C": 3000}}

Asking = Callable[[int], Kind]


def by_key(key: str) -> Asking:
    """The shop holds for its buyers."""
    return lambda number: _hold(BY_KEY, key, number, {"buyer": f"buyer-{number:08}"})


def by_pass(name: str, passes: list[str], *, again: bool) -> Asking:
    """Buyers hold for themselves; `again`: more than once."""

    def ask(number: int) -> Kind:
        if number >= len(passes) and not again:
            raise SystemExit("the new passes ran out: fewer rounds or seconds, please")
        return _hold(name, passes[number % len(passes)], number, {})

    return ask


def _hold(name: str, token: str, number: int, more: Mapping[str, str]) -> Kind:
    headers = JSON | bearer(token) | {"Idempotency-Key": f"key-{number:08}"}
    body = json.dumps({"best_available": {"quantity": 2}, **more}).encode()
    return Kind(name, "POST", "/holds", 201, headers, body)


def seen(service: Service, passes: list[str]) -> list[str]:
    """The same passes, once the worker has seen them."""
    for shown in passes:
        service.call("GET", BASE + "/holds", None, bearer(shown))
    return passes


def requests_of(ask: Asking) -> Iterator[bytes]:
    """Requests without end, each of its own; the first was the yardstick's sample."""
    return (ask(number).bytes for number in itertools.count(1))


async def compare(
    recorder: Recorder, service: Service, ask: Asking, options: argparse.Namespace
) -> None:
    """Compares one kind of hold with the bare server."""
    sample = ask(0)
    ours = Contestant.of(service).turn_of(requests_of(ask), options, sample.status)
    await beside_bare(recorder, service, sample, options, aim=AIMS[sample.name], ours=ours)


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares all three kinds, each with a service of its own, whose plan is not sold out."""
    settings = SETTINGS | {"plan": json.loads(plan_json(SEATS))}
    with running_service(settings) as service:
        await compare(recorder, service, by_key(service.key), options)
    with running_service(settings) as service:
        known = seen(service, [service.join()["pass"] for _ in range(KNOWN_PASSES)])
        await compare(recorder, service, by_pass(KNOWN, known, again=True), options)
    with running_service(settings) as service:
        new = [service.join()["pass"] for _ in range(options.new_passes)]
        await compare(recorder, service, by_pass(NEW, new, again=False), options)


def add_options(parser: argparse.ArgumentParser) -> None:
    contest.add_options(seconds=0.4)(parser)
    parser.add_argument("--new-passes", type=int, default=NEW_PASSES, help="as many as are used up")


BENCH: Final = Bench(
    "http_holds", __doc__, measure, 7, add_options, quick={"seconds": 0.1, "new_passes": 2_000}
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
