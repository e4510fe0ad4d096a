"""What do 500 viewers of the seat map cost the holds, and what does each of them get?

    python loadtest/bench/streams.py [--rounds 7] [--seconds 2] [--connections 32] [--viewers 500]

One `holdfast serve --workers 1` with a plan of 60,000 seats. The shop holds two neighbouring seats
somewhere in the plan, again and again as fast as it is answered, and cancels each hold 5,000 holds
later: changes lie all over the plan, which is what net changes are largest for. In turns nobody
watches, all viewers follow net changes (`form=net`), and as many read every change. They are a
process of their own, which reads whatever comes. Only holds that were made count.

A viewer may get 20 kB/s at most, and what follows net changes may cost a hold a tenth, by processor
time of the worker and the store.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any, Final

from bench.kit import contest
from bench.kit.clocks import Meter, Sample
from bench.kit.command import Bench, Recorder
from bench.kit.contest import burst, connections
from bench.kit.plans import plan_json
from bench.kit.results import Aim
from bench.kit.servers.viewers import watching
from bench.kit.service import BASE, Service, bearer, json_request, running_service
from bench.kit.turns import Comparison, Side
from bench.over_http.http_holds import SETTINGS

SEATS: Final = 60_000
HELD: Final = 5_000
NOBODY, NET, ALL = "nobody watches", "net changes", "every change"
AIM: Final = 0.9
KILOBYTES_AIM: Final = "at most 20"
LIMITS: Final = {
    "HOLDFAST_CHANGE_STREAMS": "2000",
    "HOLDFAST_CHANGE_STREAMS_PER_ADDRESS": "2000",
}


class Shop:
    """Makes holds all over the plan, and cancels old ones."""

    def __init__(self, service: Service, connections: int) -> None:
        self._service = service
        self._connections = connections
        guids = [seat["seat_guid"] for seat in _seats(json.loads(plan_json(SEATS)))]
        self._pairs = [(guids[at], guids[at + 1]) for at in range(0, len(guids), 2)]
        Random(1).shuffle(self._pairs)  # noqa: S311 - the same every time
        self._made = 0

    def run(self, seconds: float) -> Counter[str]:
        """Makes holds for a while; answers the statuses of the requests."""
        statuses: Counter[str] = Counter()
        with connections(self._service.port, self._connections) as links:
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                first = self._made
                self._made += len(links)
                statuses.update(burst(links, map(self._hold, range(first, self._made))))
                if first >= HELD:
                    tuple(burst(links, map(self._cancel, range(first - HELD, self._made - HELD))))
        return statuses

    def _hold(self, number: int) -> bytes:
        seats = self._pairs[number % len(self._pairs)]
        return self._asked("/holds", number, {"seats": seats, "buyer": f"buyer-{number:08}"})

    def _cancel(self, number: int) -> bytes:
        return self._asked("/holds/cancel", number, {"buyer": f"buyer-{number:08}"})

    def _asked(self, route: str, number: int, body: dict[str, Any]) -> bytes:
        headers = bearer(self._service.key) | {"Idempotency-Key": f"key-{number:08}"}
        return json_request("POST", BASE + route, headers, body)


def _seats(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (seat for zone in plan["zones"] for row in zone["rows"] for seat in row["seats"])


class Audience:
    """Turns of the shop beside so many viewers, and what these were sent."""

    def __init__(self, service: Service, shop: Shop, options: argparse.Namespace) -> None:
        self._service = service
        self._shop = shop
        self._options = options
        self.kilobytes: dict[str, list[float]] = {NET: [], ALL: []}

    def turn(self, side: str) -> Sample:
        if side == NOBODY:
            return self._holds()
        known = self._service.expect("GET", BASE + "/seats")
        query = {NET: f"form=net&after={known['etag']}", ALL: f"after={known['version']}"}[side]
        count = self._options.viewers
        with watching(self._service.port, f"{BASE}/changes?{query}", count) as viewers:
            viewers.arrived()
            sample = self._holds()
            each = viewers.arrived() / count / sample.seconds
        self.kilobytes[side].append(each / 1000)
        return sample

    def _holds(self) -> Sample:
        with Meter(self._service.clocks) as meter:
            statuses = self._shop.run(self._options.seconds)
        made = statuses["201"]
        if 2 * made < statuses.total():
            raise SystemExit(f"answered {dict(statuses)}, 201 was expected")
        return meter.sample(made, statuses.total() - made)


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares the sides; then records what a viewer got, as the median of the turns."""
    sale = SETTINGS | {"plan": json.loads(plan_json(SEATS))}
    with running_service(sale, settings=LIMITS) as service:
        shop = Shop(service, options.connections)
        shop.run(options.seconds)
        audience = Audience(service, shop, options)
        sides = [Side(name, partial(audience.turn, name)) for name in (NOBODY, NET, ALL)]
        await recorder.compare(
            Comparison(
                f"holds beside {options.viewers} viewers",
                NOBODY,
                sides,
                counted=("service", "store"),
                aims=[Aim(NET, AIM)],
                unit="holds",
            )
        )
    for name, aim in ((NET, KILOBYTES_AIM), (ALL, "")):
        counted = audience.kilobytes[name][-options.rounds :]
        recorder.fact(f"a viewer, {name}", statistics.median(counted), "kB/s", aim)


def add_options(parser: argparse.ArgumentParser) -> None:
    contest.add_options(seconds=2.0)(parser)
    parser.add_argument("--viewers", type=int, default=500)


BENCH: Final = Bench(
    "streams", __doc__, measure, 7, add_options, quick={"seconds": 0.5, "viewers": 50}
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
