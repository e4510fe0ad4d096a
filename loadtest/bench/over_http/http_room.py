"""How much of a bare aiohttp server does the waiting room give its visitors: poll, own view, join?

    python loadtest/bench/over_http/http_room.py [--rounds 15] [--seconds 0.5] [--only poll]

Starts `holdfast serve --workers 1` with an embedded store in a temporary directory, lets a line
form, and takes one real answer of each kind. Then service and yardstick (kit/servers/bare.py,
the same bytes) are asked in turns. Ratios hold between machines, requests per second do not.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from functools import partial
from typing import Final

from bench.kit import contest
from bench.kit.clocks import Sample
from bench.kit.command import Bench, Recorder
from bench.kit.contest import NOT_MODIFIED, Contestant, Kind, beside_bare, turn
from bench.kit.service import BASE, JSON, QUEUED, Service, running_service

WAITING: Final = 2_000
TRIES: Final = 5
MOSTLY: Final = 0.95
POLL, UNCHANGED, VIEW, JOIN = "status poll", "status poll, 304", "visitor's view", "join"
AIMS: Final = {POLL: 0.85, UNCHANGED: 0.85, VIEW: 0.82, JOIN: 0.78}


def kinds_of(service: Service) -> list[Kind]:
    """The kinds of requests that are measured; the ticket is a real one."""
    ticket = {"Holdfast-Ticket": service.join()["ticket"]}
    return [
        Kind(POLL, "GET", "/status", 200, {}, b""),
        Kind(UNCHANGED, "GET", "/status", NOT_MODIFIED, {}, b""),
        Kind(VIEW, "GET", "/ticket", 200, ticket, b""),
        Kind(JOIN, "POST", "/tickets", 201, JSON, b"{}"),
    ]


def service_turn(service: Service, kind: Kind, options: argparse.Namespace) -> Sample:
    """A turn of the service; again where the document changed and a 304 became a 200."""
    contestant = Contestant.of(service)
    for tries_left in reversed(range(TRIES)):
        headers = kind.headers
        if kind.status == NOT_MODIFIED:
            headers = {"If-None-Match": service.call("GET", BASE + kind.route, None, {})[1]["ETag"]}
        requests = itertools.repeat(replace(kind, headers=headers).bytes)
        try:
            return turn(contestant, requests, options, kind.status, MOSTLY)
        except SystemExit:
            if not tries_left:
                raise
    raise AssertionError


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares each kind of request with a bare server."""
    with running_service(QUEUED, options.waiting) as service:
        for kind in kinds_of(service):
            if options.only in kind.name:
                ours = partial(service_turn, service, kind, options)
                await beside_bare(recorder, service, kind, options, aim=AIMS[kind.name], ours=ours)


def add_options(parser: argparse.ArgumentParser) -> None:
    contest.add_options(seconds=0.5)(parser)
    parser.add_argument("--waiting", type=int, default=WAITING)
    parser.add_argument("--only", default="", help="kinds whose name has this in it")


BENCH: Final = Bench(
    "http_room", __doc__, measure, 15, add_options, quick={"seconds": 0.1, "waiting": 50}
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
