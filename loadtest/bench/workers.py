"""What do a second worker and its store bring: holds and polls a second, and what each then costs?

    python loadtest/bench/workers.py [--workers 1 2] [--rounds 5] [--seconds 0.3]

A `holdfast serve` for each number of workers, each with an embedded store of its own and a plan of
60,000 seats, in turns. On a machine with as few cores as workers the client and the store take
their share, so the rate grows less than the workers do; what an operation costs is in its
processor time.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from typing import Final

from bench.kit import contest
from bench.kit.command import Bench, Recorder
from bench.kit.contest import Contestant
from bench.kit.plans import plan_json
from bench.kit.service import BASE, json_request, running_service
from bench.kit.turns import Comparison, Side
from bench.over_http.http_holds import SEATS, SETTINGS, by_key, requests_of


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares holds by the shop's key, then polls."""
    settings = SETTINGS | {"plan": json.loads(plan_json(SEATS))}
    poll = json_request("GET", BASE + "/status")
    with ExitStack() as stack:
        services = {
            count: stack.enter_context(running_service(settings, workers=count))
            for count in options.workers
        }
        contestants = {count: Contestant.of(service) for count, service in services.items()}
        holds = {n: requests_of(by_key(service.key)) for n, service in services.items()}
        names = {count: f"{count} worker{'s' if count > 1 else ''}" for count in options.workers}
        hold_turns = {n: one.turn_of(holds[n], options, 201) for n, one in contestants.items()}
        poll_turns = {n: one.turn_of(poll, options) for n, one in contestants.items()}
        for name, turns in (("hold by the shop's key", hold_turns), ("status poll", poll_turns)):
            sides = [Side(names[n], turn, n) for n, turn in turns.items()]
            await recorder.compare(Comparison(name, sides[0].name, sides, ("service", "store")))


def add_options(parser: argparse.ArgumentParser) -> None:
    contest.add_options(seconds=0.3)(parser)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])


BENCH: Final = Bench("workers", __doc__, measure, 5, add_options, quick={"seconds": 0.1})

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
