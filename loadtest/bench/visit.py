"""What does a whole visit cost service, store and ledger, from joining to the order?

    python loadtest/bench/visit.py [--visitors 96] [--minutes 10] [--rounds 4]

`holdfast serve --workers 1` with its embedded store and a PostgreSQL of its own. In each round a
group of visitors comes to a sale in which everybody waits; each joins, polls the shared status as
often as a page does that waits for so many minutes, looks at the own place every eighth time, is
called, claims, reads the map of 60,000 seats, holds two by a pass that the worker has not seen; the
shop says that they pay, and confirms. Nothing is left out and nobody gives up, so a visit is one
that ends with an order. Requests come in bursts over 32 connections; where they come one at a time
a worker spends up to twice as much. Page, static files and plan are a proxy's or a CDN's and not in
it. Processor time is what the three spend more than while nothing is asked.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final

from bench.costs import CONNECTIONS, SETTINGS, busy_clocks, payment
from bench.kit.clocks import Clock, Meter, Sample
from bench.kit.command import Bench, Recorder
from bench.kit.contest import connections, exchange
from bench.kit.databases import with_postgresql
from bench.kit.plans import plan_json
from bench.kit.results import SideFigures
from bench.kit.service import BASE, NOTHING, Service, bearer, json_request
from bench.kit.turns import Comparison, Side
from holdfast_loadtest.crowd.page import VIEW_EVERY_POLLS, poll_seconds
from holdfast_loadtest.crowd.profiles import Pace, VisitorProfile, draw
from holdfast_loadtest.wire import Status

SEATS: Final = 60_000
PARTS: Final = ("service", "store", "ledger")
STEPS: Final = ("join", "polls", "own views", "claim", "map", "hold", "paying", "confirm")
SHED_STATUS, SHED_SECONDS, SHED_TIMES = "503", 0.5, 40
MILLION: Final = 1_000_000

_numbers = itertools.count()


def polls_of_a_wait(minutes: float, refresh_seconds: float) -> int:
    """How often a page polls in a wait of so many seconds, by the crowd's schedule."""
    person = steady_person()
    left, polls = minutes * 60, 0
    while left > 0:
        # One is called a second, so as many are ahead as seconds are left.
        status = Status("open", 1, admitted_per_minute=60, refresh_interval_seconds=refresh_seconds)
        left -= poll_seconds(status, round(left), person)
        polls += 1
    return polls


def steady_person() -> VisitorProfile:
    """Somebody who keeps the page open and neither hurries nor tires; without chance."""
    drawn = draw(1, 1, Pace())
    return replace(drawn, hides_the_tab=False, impatient=False, poll_jitter=0.0)


@dataclass
class Group:
    """Visitors on their way through a sale, step by step, and what each step has cost."""

    service: Service
    meter: Meter
    visitors: int
    links: Sequence[socket.socket]
    """which stay open: a page keeps its connection"""
    steps: dict[str, Sample] = field(default_factory=dict)

    def step(self, name: str, requests: Sequence[bytes], status: int) -> list[dict[str, Any]]:
        """Sends the requests, again where they are shed; the answers' bodies, in order.

        Raises SystemExit for any other status than the one that belongs to the step.
        """
        waiting, bodies, shed = dict(enumerate(requests)), {}, 0
        with self.meter:
            while waiting:
                for numbers in _chunks(list(waiting), len(self.links)):
                    answers = exchange(self.links, [waiting[number] for number in numbers])
                    for number, (found, body) in zip(numbers, answers, strict=True):
                        if found == str(status):
                            bodies[number] = body
                            del waiting[number]
                        elif found != SHED_STATUS:
                            raise SystemExit(f"{name}: {found} {body[:300].decode()}")
                if waiting:
                    shed += len(waiting)
                    if shed > SHED_TIMES * len(requests):
                        raise SystemExit(f"{name}: the service sheds everything")
                    time.sleep(SHED_SECONDS)
        made = self.meter.sample(self.visitors, shed)
        self.steps[name] = added(self.steps[name], made) if name in self.steps else made
        if name == "map":
            return []
        return [json.loads(bodies[number]) for number in range(len(requests))]

    @property
    def whole(self) -> Sample:
        """What all steps together have cost."""
        return reduce(added, self.steps.values())


def added(one: Sample, other: Sample) -> Sample:
    """What the same visitors did in two steps."""
    used = {part: one.used[part] + other.used[part] for part in other.used}
    return Sample(other.done, one.seconds + other.seconds, used, one.refused + other.refused)


def _chunks(numbers: list[int], size: int) -> Iterator[list[int]]:
    for at in range(0, len(numbers), size):
        yield numbers[at : at + size]


def visit(group: Group, polls: int) -> Sample:
    """Takes a group from joining to the order; what that has cost."""
    service, count = group.service, group.visitors
    key = bearer(service.key)
    service.expect("PATCH", BASE, {"queue_all": True})
    joined = group.step("join", [_request("POST", "/tickets", body={})] * count, 201)
    holders = [{"Holdfast-Ticket": answer["ticket"]} for answer in joined]
    for number in range(polls):
        group.step("polls", [_request("GET", "/status")] * count, 200)
        if number % VIEW_EVERY_POLLS == 0:
            group.step("own views", [_request("GET", "/ticket", who) for who in holders], 200)
    service.expect("PATCH", BASE, {"queue_all": False})
    service.await_calls()
    claimed = group.step("claim", [_request("POST", "/pass", who, {}) for who in holders], 201)
    buyers = [bearer(answer["pass"]) for answer in claimed]
    shown = {"Accept-Encoding": "gzip"}
    group.step("map", [_request("GET", "/seats", buyer | shown) for buyer in buyers], 200)
    best = {"best_available": {"quantity": 2}}
    requests = [
        _request("POST", "/holds", buyer | {"Idempotency-Key": f"key-{next(_numbers)}"}, best)
        for buyer in buyers
    ]
    held = group.step("hold", requests, 201)
    paying = [_request("POST", f"/holds/{hold['id']}/paying", key, {}) for hold in held]
    group.step("paying", paying, 200)
    confirms = [
        _request("POST", f"/holds/{hold['id']}/confirm", key, payment(hold)) for hold in held
    ]
    ordered = group.step("confirm", confirms, 200)
    if len({answer["order"]["id"] for answer in ordered}) != count:
        raise SystemExit("some have no order of their own")
    return group.whole


def _request(
    method: str, route: str, headers: Mapping[str, str] = NOTHING, body: object = None
) -> bytes:
    return json_request(method, BASE + route, headers, body)


@dataclass
class Visits:
    """One group after the other, and the steps of each."""

    service: Service
    clocks: Mapping[str, Clock]
    options: argparse.Namespace
    polls: int
    groups: list[Group] = field(default_factory=list)

    def turn(self) -> Sample:
        with connections(self.service.port, CONNECTIONS) as links:
            group = Group(self.service, Meter(self.clocks), self.options.visitors, links)
            self.groups.append(group)
            return visit(group, self.polls)


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Measures visits, what a million of them cost, and each step."""
    sale = SETTINGS | {"plan": json.loads(plan_json(SEATS))}
    with with_postgresql(sale) as (service, ledger_pid):
        status = service.expect("GET", BASE + "/status")
        polls = polls_of_a_wait(options.minutes, status["refresh_interval_seconds"])
        visits = Visits(service, busy_clocks(service, ledger_pid), options, polls)
        compared = await recorder.compare(
            Comparison("a visit", "visit", [Side("visit", visits.turn)], PARTS, unit="visits")
        )
    keep(recorder, compared.side("visit"), visits, options)


def keep(
    recorder: Recorder, visit_: SideFigures, visits: Visits, options: argparse.Namespace
) -> None:
    """Facts of the whole, and a row for each step."""
    recorder.fact(f"polls of a wait of {options.minutes:g} min", visits.polls, "")
    for part in PARTS:
        micros = visit_.cpu_us[part].median
        recorder.fact(f"{part}, for each visitor", micros / 1000, "ms")
        recorder.fact(f"{part}, for a million", micros * MILLION / 1e6 / 3600, "core-hours")
    groups = visits.groups[recorder.warm_up :]
    rows = [(name, *(f"{median_us(groups, name, part):,.0f}" for part in PARTS)) for name in STEPS]
    for row in rows:
        print(f"  {row[0]:10} {'  '.join(f'{cell:>7}' for cell in row[1:])} us", flush=True)
    recorder.table("steps of a visit", ("Step", "Service, us", "Store, us", "Ledger, us"), rows)


def median_us(groups: Sequence[Group], step: str, part: str) -> float:
    """The median processor time of a step for a visitor, over the groups."""
    return max(0.0, statistics.median(group.steps[step].micros(part) for group in groups))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--visitors", type=int, default=96, help="of each round")
    parser.add_argument("--minutes", type=float, default=10.0, help="that each waits")


BENCH: Final = Bench(
    "visit", __doc__, measure, 4, add_options, quick={"visitors": 32, "minutes": 0.5}
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
