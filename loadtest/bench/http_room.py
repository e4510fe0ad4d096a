"""How much of a bare aiohttp server the waiting room gives its visitors: poll, own view, join.

    python loadtest/bench/http_room.py [--rounds 9] [--seconds 1] [--connections 32] [--only poll]

Starts `holdfast serve --workers 1` with an embedded store in a temporary directory, lets a line
form, and takes one real answer of each kind. Then service and yardstick (bare.py, the same bytes)
are asked in turns, because a shared machine drifts; the ratio of a round is what counts, and the
median over the rounds is reported. Ratios hold between machines, requests per second do not.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import replace
from typing import Any, Final

from bench.kit.contest import (
    BASE,
    JSON,
    NOT_MODIFIED,
    Kind,
    Service,
    Turn,
    compared,
    parser,
    running_service,
    turn,
    yardstick,
)

WAITING: Final = 2_000
TRIES: Final = 5
MOSTLY: Final = 0.95
SETTINGS: Final[dict[str, Any]] = {
    "name": "Benchmark",
    "new_users_per_minute": 1,
    "burst": 1,
    "prices": {"GA": 1000},
    "areas": [{"id": "floor", "name": "Floor", "capacity": 1_000_000, "category": "GA"}],
}


def kinds_of(service: Service) -> list[Kind]:
    """What is measured; the ticket is a real one."""
    _, _, joined = service.call("POST", BASE + "/tickets", {}, {})
    ticket = {"Holdfast-Ticket": json.loads(joined)["ticket"]}
    return [
        Kind("status poll", "GET", "/status", 200, {}, b"", 0.85),
        Kind("status poll, 304", "GET", "/status", NOT_MODIFIED, {}, b"", 0.85),
        Kind("visitor's view", "GET", "/ticket", 200, ticket, b"", 0.65),
        Kind("join", "POST", "/tickets", 201, JSON, b"{}", 0.5),
    ]


def _service_turn(service: Service, kind: Kind, options: argparse.Namespace) -> Turn:
    """The line lives meanwhile: where the document changed and a 304 became a 200, once more."""
    for _ in range(TRIES):
        headers = kind.headers
        if kind.status == NOT_MODIFIED:
            headers = {"If-None-Match": service.call("GET", BASE + kind.route, None, {})[1]["ETag"]}
        request = replace(kind, headers=headers).bytes
        made = turn(service.contestant, itertools.repeat(request), options)
        if made.statuses[str(kind.status)] >= MOSTLY * made.statuses.total():
            return made
    raise SystemExit(f"{kind.name}: {dict(made.statuses)}, {kind.status} was expected")


def measure(service: Service, kind: Kind, options: argparse.Namespace) -> None:
    """Rounds of service and yardstick in turns; prints one line."""
    ours, bares = [], []
    with yardstick(service, kind) as bare:
        for number in range(options.rounds + 1):
            if number % 2:
                ours.append(_service_turn(service, kind, options))
            bares.append(turn(bare, itertools.repeat(kind.bytes), options))
            if not number % 2:
                ours.append(_service_turn(service, kind, options))
    del ours[0], bares[0]  # warm-up
    pairs = list(zip(ours, bares, strict=True))
    print(f"{kind.name:<17} {compared(pairs)} | aim {kind.aim:.2f}", flush=True)


def main() -> None:
    command = parser(__doc__, rounds=9, seconds=1.0)
    command.add_argument("--only", default="", help="kinds whose name has this in it")
    options = command.parse_args()
    with running_service(SETTINGS, WAITING) as service:
        for kind in kinds_of(service):
            if options.only in kind.name:
                measure(service, kind, options)


if __name__ == "__main__":
    main()
