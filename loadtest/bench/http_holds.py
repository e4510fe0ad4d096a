"""How much of a bare aiohttp server a hold over HTTP leaves.

    python loadtest/bench/http_holds.py [--rounds 9] [--seconds 0.6] [--connections 32]

Starts `holdfast serve --workers 1` with an embedded store and a plan of 60,000 seats, and takes
one real answer to a hold of two, best available. Then service and yardstick (bare.py: it parses the
same body and answers the same bytes) are asked in turns, as http_room.py does it. Every request is
another one, under an idempotency key of its own: by the shop's key, each for another buyer; with a
buyer's pass that this worker has seen before; with one that it has not, whose signature it has to
check (Ed25519, some 180 us). All must be answered 201, so only holds that were made are counted.
What counts is the ratio: of the serving process's processor time, and of requests per second; the
store's time is in the second only.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench.holds import plan_json
from bench.kit.contest import (
    BASE,
    HOST,
    JSON,
    Contestant,
    Kind,
    Service,
    Turn,
    compared,
    parser,
    running_service,
    turn,
    yardstick,
)
from holdfast_loadtest.hammer import request_bytes

SEATS: Final = 60_000
KNOWN_PASSES, NEW_PASSES = 500, 6_000
AIM: Final = 0.35
CREATED: Final = "201"
HOLD_REQUEST: Final[dict[str, Any]] = {"best_available": {"quantity": 2}}
SETTINGS: Final[dict[str, Any]] = {
    "name": "Benchmark",
    "new_users_per_minute": 600_000,
    "burst": 100_000,
    "total_active_users": 100_000,
    "max_units_per_buyer": 1000,
    "prices": {"A": 9000, "B": 6000, "C": 3000},
}

Asking = Callable[[int], Kind]


def by_key(key: str) -> Asking:
    """The shop holds for its buyers."""

    def ask(number: int) -> Kind:
        headers = JSON | {"Authorization": f"Bearer {key}", "Idempotency-Key": f"key-{number:08}"}
        body = json.dumps(HOLD_REQUEST | {"buyer": f"buyer-{number:08}"}).encode()
        return Kind("hold by the shop's key", "POST", "/holds", 201, headers, body, AIM)

    return ask


def by_pass(name: str, passes: list[str], *, again: bool) -> Asking:
    """Buyers hold for themselves; `again`: more than once."""

    def ask(number: int) -> Kind:
        if number >= len(passes) and not again:
            raise SystemExit("the new passes ran out: fewer rounds or seconds, please")
        headers = JSON | {
            "Authorization": f"Bearer {passes[number % len(passes)]}",
            "Idempotency-Key": f"key-{number:08}",
        }
        body = json.dumps(HOLD_REQUEST).encode()
        return Kind(name, "POST", "/holds", 201, headers, body, AIM)

    return ask


def admitted(service: Service, count: int) -> list[str]:
    """Passes, given with the ticket since nobody waits in this sale, and not shown yet."""
    passes = []
    for _ in range(count):
        _, _, answer = service.call("POST", BASE + "/tickets", {}, {})
        passes.append(json.loads(answer)["pass"])
    return passes


def seen(service: Service, passes: list[str]) -> list[str]:
    """The same passes, once the worker has seen them."""
    for shown in passes:
        service.call("GET", BASE + "/holds", None, {"Authorization": f"Bearer {shown}"})
    return passes


def requests_of(ask: Asking, numbers: Iterator[int]) -> Iterator[bytes]:
    """Requests without end, each of its own."""
    for number in numbers:
        kind = ask(number)
        yield request_bytes(kind.method, BASE + kind.route, HOST, kind.headers, kind.body)


def measure(service: Service, ask: Asking, options: argparse.Namespace) -> None:
    """Rounds of service and yardstick in turns; prints one line."""
    # What is asked of the yardstick needs no number of its own: it looks at none.
    numbers = (itertools.count(1), itertools.cycle(range(KNOWN_PASSES)))
    sample = ask(0)
    with yardstick(service, sample) as bare:
        ours: list[Turn] = []
        bares: list[Turn] = []
        sides: list[tuple[Contestant, list[Turn], Iterator[int]]] = [
            (service.contestant, ours, numbers[0]),
            (bare, bares, numbers[1]),
        ]
        for number in range(options.rounds + 1):
            for contestant, turns, asked in sides[:: 1 if number % 2 else -1]:
                made = turn(contestant, requests_of(ask, asked), options)
                if made.statuses[CREATED] < made.statuses.total():
                    raise SystemExit(f"{sample.name}: {dict(made.statuses)}, all 201 were expected")
                turns.append(made)
    pairs = list(zip(ours, bares, strict=True))[1:]  # the first is warm-up
    print(f"{sample.name:<22} {compared(pairs)} | aim {AIM:.2f}", flush=True)


def main() -> None:
    """The command line."""
    options = parser(__doc__, rounds=9, seconds=0.6).parse_args()
    settings = SETTINGS | {"plan": json.loads(plan_json(SEATS))}
    # A service each: a fast machine would sell one plan out before the last line.
    with running_service(settings, waiting=0) as service:
        measure(service, by_key(service.key), options)
    with running_service(settings, waiting=0) as service:
        known = seen(service, admitted(service, KNOWN_PASSES))
        measure(service, by_pass("hold by a known pass", known, again=True), options)
    with running_service(settings, waiting=0) as service:
        new = admitted(service, NEW_PASSES)
        measure(service, by_pass("hold by a new pass", new, again=False), options)


if __name__ == "__main__":
    main()
