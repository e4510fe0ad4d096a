"""What a poll over HTTP costs with ten million waiting beside ten thousand.

    python loadtest/bench/http_size.py [--rounds 15] [--seconds 0.5] [--connections 32]

One `holdfast serve --workers 1` has two sales that differ in nothing but the length of their lines:
the numbers are put into the store, and the visitor who asks has joined behind them. Both are asked
in turns, so a busy machine slows both. What counts is the ratio of the serving process's processor
time for each request, long line to short; the aim is at most 1.1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
from typing import Any, Final

from bench.http_room import SETTINGS
from bench.kit.contest import HOST, Service, Turn, parser, running_service, spread, turn
from holdfast_loadtest.hammer import request_bytes
from holdfast_lua import EmbeddedStore, Executor
from holdfast_lua.calls import keys

SIZES: Final = {"short": 10_000, "long": 10_000_000}
AIM: Final = 1.1
ROUTES: Final = {"status poll": "/status", "visitor's view": "/ticket"}

Asked = dict[str, tuple[bytes, ...]]


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
    with running_service(SETTINGS) as service:
        print(f"{'waiting':<15} {SIZES['short']:,} and {SIZES['long']:,}", flush=True)
        for kind, asked in line_up(service).items():
            measure(service, kind, asked, options)


if __name__ == "__main__":
    main()
