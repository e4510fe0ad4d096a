"""What does it bring to write a response at once instead of leaving it to aiohttp?

    python loadtest/bench/over_http/http_responses.py [--rounds 21] [--seconds 0.3] [--only view]

Two services, each `holdfast serve --workers 1`, are asked the same in turns: one as it is, and one
in which every `Ready` is aiohttp's `web.Response` (kit/servers/plain_responses.py). Handlers,
headers and bodies are the same, so ratios are those of whole requests, by the worker's processor
time. `Ready` stays where it saves a twentieth of a request.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from typing import Final

from bench.kit import contest
from bench.kit.command import Bench, Recorder
from bench.kit.contest import Contestant
from bench.kit.plans import plan_json
from bench.kit.results import Aim
from bench.kit.service import QUEUED, UNHINDERED, Service, bearer, json_request, running_service
from bench.kit.turns import Comparison, Side, Turn

SEATS: Final = 60_000
WAITING: Final = 200
LINE, FLOOR = "/v1/sales/line", "/v1/sales/floor"
PRICES: Final = {"A": 9000, "B": 6000, "C": 3000}
SEAT: Final = "0-0-0"
AIOHTTP, READY = "web.Response", "Ready"
PLAIN: Final = "bench.kit.servers.plain_responses"
SQUEEZED: Final = {"Accept-Encoding": "gzip, br"}
AIM: Final = 1.05

_numbers = itertools.count()

Requests = dict[str, tuple[int, Iterator[bytes]]]


def make_sales(service: Service) -> None:
    """A line in which everybody waits, and a floor on which one seat is held."""
    service.expect("PUT", LINE, QUEUED)
    for _ in range(WAITING):
        service.join(LINE)
    service.expect(
        "PUT", FLOOR, UNHINDERED | {"prices": PRICES, "plan": json.loads(plan_json(SEATS))}
    )
    headers = bearer(service.key) | {"Idempotency-Key": "the-first-hold"}
    body = {"seats": [SEAT], "buyer": "first"}
    if service.call("POST", FLOOR + "/holds", body, headers)[0] != 201:
        raise SystemExit("the seat could not be held")


def requests_of(service: Service) -> Requests:
    """The requests of each kind, without end, and the status that answers them."""
    ticket = {"Holdfast-Ticket": service.join(LINE)["ticket"]}
    again = itertools.repeat
    return {
        "status poll": (200, again(json_request("GET", LINE + "/status"))),
        "visitor's view": (200, again(json_request("GET", LINE + "/ticket", ticket))),
        "join": (201, again(json_request("POST", LINE + "/tickets", body={}))),
        "hold": (201, holds(service, {"best_available": {"quantity": 2}})),
        "hold of a seat that is taken": (409, holds(service, {"seats": [SEAT]})),
        "seat map": (200, again(json_request("GET", FLOOR + "/seats", SQUEEZED))),
        "plan": (200, again(json_request("GET", FLOOR + "/plan?form=columns", SQUEEZED))),
    }


def holds(service: Service, wanted: dict[str, object]) -> Iterator[bytes]:
    """Holds by the shop's key, each for another buyer."""
    for number in _numbers:
        headers = bearer(service.key) | {"Idempotency-Key": f"key-{number:08}"}
        body = wanted | {"buyer": f"buyer-{number:08}"}
        yield json_request("POST", FLOOR + "/holds", headers, body)


def turns_of(service: Service, options: argparse.Namespace) -> dict[str, Turn]:
    """A turn of each kind."""
    make_sales(service)
    contestant = Contestant.of(service)
    return {
        kind: contestant.turn_of(requests, options, status)
        for kind, (status, requests) in requests_of(service).items()
    }


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares each kind of request whose name has `options.only` in it."""
    with running_service(None) as service, running_service(None, module=PLAIN) as plain:
        ready, beside = turns_of(service, options), turns_of(plain, options)
        for kind in ready:
            if options.only in kind:
                sides = [Side(AIOHTTP, beside[kind]), Side(READY, ready[kind])]
                await recorder.compare(Comparison(kind, AIOHTTP, sides, aims=[Aim(READY, AIM)]))


def add_options(parser: argparse.ArgumentParser) -> None:
    contest.add_options(seconds=0.3)(parser)
    parser.add_argument("--only", default="", help="kinds whose name has this in it")


BENCH: Final = Bench("http_responses", __doc__, measure, 21, add_options, quick={"seconds": 0.1})

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
