"""A service on a core of its own, and the requests that overload it.

Two sales: `room` has a line in which everybody waits, so a join takes a place and gets no pass;
`floor` has an area that does not sell out, buyers with passes, and holds that the shop confirms.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.kit.databases import TESTS
from bench.kit.service import (
    AREA,
    HOST,
    PRICE,
    QUEUED,
    UNHINDERED,
    Service,
    bearer,
    free_port,
    json_request,
    serving,
)
from holdfast_loadtest.open_loop.visitors import NextRequest
from holdfast_loadtest.processes import cost_of

ROOM, FLOOR = "/v1/sales/room", "/v1/sales/floor"
FLOOR_SETTINGS: Final = QUEUED | UNHINDERED
HOLD: Final = {"areas": [{"id": AREA["id"], "quantity": 1}]}
WAITING, PASSES = 100, 1_000
QUIET_SECONDS, QUIET_TIMES, SETTLE_SECONDS = 0.05, 3, 20.0
KEY: Final = b"%IDEMPOTENCY-KEY%"

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Place:
    """A running service: where each role is reached, and buyers who are let in."""

    room: Service
    floor: Service
    shop: Service
    operator: Service
    passes: Sequence[str]

    @property
    def mib(self) -> float:
        """Resident memory of the workers."""
        return sum(cost_of(pid).mib for pid in self.operator.workers)

    @property
    def peak_mib(self) -> float:
        """The most that they had since `forget_peak`."""
        return sum(cost_of(pid).peak_mib for pid in self.operator.workers)

    def forget_peak(self) -> None:
        """Has the kernel look for the peak anew."""
        for pid in self.operator.workers:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def settle(self) -> None:
        """Waits until the service answers at once again."""
        end, quick = time.monotonic() + SETTLE_SECONDS, 0
        while quick < QUIET_TIMES and time.monotonic() < end:
            begun = time.monotonic()
            try:
                status = self.room.call("GET", ROOM + "/status", None, {})[0]
            except OSError:
                status = 0
            is_quick = status == 200 and time.monotonic() - begun < QUIET_SECONDS
            quick = quick + 1 if is_quick else 0
            time.sleep(QUIET_SECONDS)


@contextmanager
def placed(
    generator_core: int, service_core: int, *, with_roles: bool, with_nginx: bool
) -> Iterator[Place]:
    """The service on one core with both sales, a short line and buyers; this process on another.

    With roles each has a listener and a worker. nginx, with the recipe but without TLS, which the
    generator would have to pay for, is on the generator's core.
    """
    settings = {"HOLDFAST_TRUSTED_PROXIES": HOST} if with_nginx else {}
    ports = {role: free_port() for role in ("ROOM", "SALES_FLOOR", "SHOP")} if with_roles else {}
    settings |= {f"HOLDFAST_LISTEN_{role}": f"{HOST}:{port}" for role, port in ports.items()}
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-bench-"))
        pin(service_core)
        service = stack.enter_context(serving(Path(directory), settings=settings))
        pin(generator_core)
        roles = [service.at(port) for port in ports.values()] if ports else [service] * 3
        room, floor, shop = stack.enter_context(behind_nginx(*roles)) if with_nginx else roles
        service.expect("PUT", ROOM, QUEUED)
        service.expect("PUT", FLOOR, FLOOR_SETTINGS)
        for _ in range(WAITING):
            roles[0].join(ROOM)
        yield Place(room, floor, shop, service, admitted(*roles[:2]))


@contextmanager
def behind_nginx(room: Service, floor: Service, shop: Service) -> Iterator[Sequence[Service]]:
    """Shows these services through nginx."""
    sys.path.insert(0, str(TESTS))
    from support.service.nginx import service_recipe  # beside the tests: run from a checkout

    public, inside = free_port(), free_port()
    upstreams = {"room": room, "sales_floor": floor, "shop": shop, "operator": shop}
    ports = {role: service.port for role, service in upstreams.items()}
    with service_recipe(public, None, ports, shop_port=inside):
        yield room.at(public), room.at(public), shop.at(inside)


def pin(core: int) -> None:
    """Has this process, and what it starts from now on, run on that core only."""
    os.sched_setaffinity(0, {core})


def admitted(room: Service, floor: Service) -> list[str]:
    """Passes that the worker has verified before, so that it knows their signatures."""
    passes = []
    for _ in range(PASSES):
        passes.append(room.join(FLOOR)["pass"])
        floor.call("GET", FLOOR + "/holds", None, bearer(passes[-1]))
    return passes


def polls(_: Place) -> NextRequest:
    """Polls of the shared status."""
    request = json_request("GET", ROOM + "/status")
    return lambda: request


def joins(_: Place) -> NextRequest:
    """Joins of the line."""
    request = json_request("POST", ROOM + "/tickets", body={})
    return lambda: request


def holds(place: Place) -> NextRequest:
    """Holds of one unit by one pass after another, each under a key of its own."""
    heads = [bearer(shown) | {"Idempotency-Key": KEY.decode()} for shown in place.passes]
    made = [json_request("POST", FLOOR + "/holds", head, HOLD).split(KEY) for head in heads]
    parts = itertools.cycle(made)
    return lambda: b"hold-%d".join(next(parts)) % next(_numbers)


def confirms(place: Place, count: int) -> NextRequest:
    """Confirms of so many holds, which are made now."""
    requests, key = [], bearer(place.shop.key)
    for number in itertools.islice(_numbers, count):
        buyer = {"buyer": f"buyer-{number}"}
        head = {"Idempotency-Key": f"shop-{number}"} | key
        _, _, answer = place.shop.call("POST", FLOOR + "/holds", HOLD | buyer, head)
        path = f"{FLOOR}/holds/{json.loads(answer)['id']}/confirm"
        order = buyer | {"order_ref": f"order-{number}", "amount": PRICE}
        requests.append(json_request("POST", path, key, order))
    return iter(requests).__next__


@dataclass(frozen=True, slots=True)
class Crowd:
    """A class of load: what is asked, and at whose listener."""

    name: str
    requests: Callable[[Place], NextRequest]
    service: Callable[[Place], Service]


CROWDS: Final = (
    Crowd("holds", holds, lambda place: place.floor),
    Crowd("joins", joins, lambda place: place.room),
    Crowd("polls", polls, lambda place: place.room),
)
