"""Computes what a sale needs from what its requests cost.

    python -m holdfast_loadtest.capacity --visitors 1000000

Costs come from a measurement (loadtest/bench/costs.py writes it), demand from whoever expects a
crowd. All rates are those of the busiest minute, all memory that of the moment when most people
wait. What was not measured is assumed, see `ASSUMED`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from holdfast_simulator.costs import COSTS_FILE, Costs, read_costs

BUSY_MAX: Final = 0.6
"""how much of a core may be in use: above it queues grow, and a failure finds no reserve"""
NODE_CORES: Final = 8
POLL_SECONDS: Final = 30.0
"""between two polls of somebody far back (MAX_INTERVAL_SECONDS of the service)"""
VIEW_SECONDS: Final = 40.0
"""between two looks at the own place (OWN_VIEW_SECONDS of the service)"""
MAP_SECONDS: Final = 5.0
"""between two looks at the seat map of a buyer who is choosing"""
HOLDS_PER_BUYER: Final = 1.5
CONFIRMED_SHARE: Final = 0.6
"""of those who are let in"""
INSIDE_MINUTES: Final = 4.0
PAGE_BYTES: Final = 30_000
"""the waiting page with its static files, compressed, once for each visitor"""
MAP_BYTES: Final = 12_000
"""a seat map of 60,000 seats, compressed"""
PROXY_US: Final = 40.0
"""of nginx for a request that it answers from its cache or passes on, over TLS"""
HANDSHAKE_US: Final = 400.0
"""of nginx for a new connection with TLS"""
PROXY_CONNECTION_BYTES: Final = 20_000
"""of nginx for an open connection with TLS"""
ASSUMED: Final = (
    ("of a core in use at most; the rest is for moments and failures", f"{BUSY_MAX:.0%}"),
    ("cores of a machine", f"{NODE_CORES}"),
    ("seconds between two polls of somebody far back", f"{POLL_SECONDS:.0f}"),
    ("seconds between two looks at the own place", f"{VIEW_SECONDS:.0f}"),
    ("seconds between two looks at the seat map, for who is choosing", f"{MAP_SECONDS:.0f}"),
    ("holds of each who is let in", f"{HOLDS_PER_BUYER}"),
    ("of those who are let in pay", f"{CONFIRMED_SHARE:.0%}"),
    ("minutes inside", f"{INSIDE_MINUTES:.0f}"),
    ("waiting page with static files, compressed", f"{PAGE_BYTES:,} B"),
    ("seat map of 60,000 seats, compressed", f"{MAP_BYTES:,} B"),
    ("nginx, processor time for each request", f"{PROXY_US:.0f} us"),
    ("nginx, processor time for each new connection with TLS", f"{HANDSHAKE_US:.0f} us"),
    ("nginx, memory for each open connection with TLS", f"{PROXY_CONNECTION_BYTES:,} B"),
)
GIB: Final = 1024**3
MIB: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Demand:
    """A crowd: how many come, how many of them in the busiest minute, how many are let in."""

    visitors: int = 1_000_000
    minutes: float = 10.0
    first_minute_share: float = 0.5
    admitted_per_minute: float = 10_000.0

    @property
    def waiting(self) -> float:
        """How many wait when all have come."""
        return max(0.0, self.visitors - self.admitted_per_minute * self.minutes)

    @property
    def inside(self) -> float:
        return self.admitted_per_minute * INSIDE_MINUTES

    def rates(self) -> dict[str, float]:
        """Requests a second of each kind that the costs know."""
        admitted = self.admitted_per_minute / 60
        confirms = admitted * CONFIRMED_SHARE
        return {
            "poll": self.waiting / POLL_SECONDS,
            "view": self.waiting / VIEW_SECONDS,
            "join": self.visitors * self.first_minute_share / 60,
            "claim": admitted,
            "hold by pass": admitted * HOLDS_PER_BUYER,
            "paying": confirms,
            "confirm": confirms,
        }


ROLES: Final[dict[str, tuple[str, ...]]] = {
    "room": ("poll", "view", "join", "claim"),
    "sales floor": ("hold by pass",),
    "shop": ("paying", "confirm"),
}


@dataclass(frozen=True, slots=True)
class Need:
    """What one part of a deployment needs."""

    part: str
    per_second: float
    cores: float
    """in use, before any reserve"""
    memory: float
    """bytes"""

    @property
    def processes(self) -> int:
        """How many processes, each with a core of its own that is not used up."""
        return max(1, math.ceil(self.cores / BUSY_MAX))

    @property
    def nodes(self) -> int:
        """How many machines: one more than needed, so that one may fail."""
        return math.ceil(self.processes / NODE_CORES) + 1


def service_needs(costs: Costs, demand: Demand, *, cached: bool) -> list[Need]:
    """What the service needs for each role; behind a cache nginx answers the polls."""
    rates = demand.rates()
    if cached:
        rates["poll"] = 1.0
    needs = []
    for role, kinds in ROLES.items():
        per_second = sum(rates[kind] for kind in kinds)
        cores = sum(rates[kind] * costs.requests[kind].worker_us for kind in kinds) / 1e6
        workers = max(1, math.ceil(cores / BUSY_MAX))
        needs.append(Need(role, per_second, cores, workers * costs.worker_mib * MIB))
    return needs


def store_need(costs: Costs, demand: Demand) -> Need:
    """What the store needs: a sale is on one server, which has one thread for it."""
    rates, cost = demand.rates(), costs.requests
    changing = ("join", "claim", "hold by pass", "paying", "confirm")
    cores = sum(rates[kind] * cost[kind].store_us for kind in changing) / 1e6
    orders = demand.admitted_per_minute * demand.minutes * CONFIRMED_SHARE
    memory = demand.visitors * costs.join_bytes + orders * costs.order_bytes
    memory += demand.admitted_per_minute * demand.minutes * costs.session_bytes
    return Need("store", sum(rates[kind] for kind in changing), cores, memory)


def ledger_need(costs: Costs, demand: Demand) -> Need:
    """What the ledger needs; joins hardly count, since it is told of many numbers at once."""
    rates, cost = demand.rates(), costs.requests
    kinds = ("join", "paying", "confirm")
    cores = sum(rates[kind] * cost[kind].ledger_us for kind in kinds) / 1e6
    return Need("ledger", rates["paying"] + rates["confirm"], cores, 1.0 * GIB)


def proxy_need(demand: Demand) -> Need:
    """nginx, or a CDN in its place: everything passes it, and every page keeps a connection."""
    rates = demand.rates()
    maps = demand.inside / MAP_SECONDS
    passed = sum(rates.values()) + rates["join"] + maps
    cores = (passed * PROXY_US + rates["join"] * HANDSHAKE_US) / 1e6
    connections = demand.waiting + demand.inside
    return Need("nginx", passed, cores, connections * PROXY_CONNECTION_BYTES)


def needs(costs: Costs, demand: Demand, *, cached: bool) -> list[Need]:
    """What each part of a deployment needs."""
    service = service_needs(costs, demand, cached=cached)
    return [*service, store_need(costs, demand), ledger_need(costs, demand), proxy_need(demand)]


def bits_per_second(costs: Costs, demand: Demand) -> float:
    """Bits a second to and from the visitors, in the busiest minute."""
    rates = demand.rates()
    requests = sum(rates[kind] * costs.requests[kind].bytes for kind in rates)
    pages = rates["join"] * PAGE_BYTES
    maps = demand.inside / MAP_SECONDS * MAP_BYTES
    return (requests + pages + maps) * 8


def table(costs: Costs, demand: Demand) -> list[tuple[str, ...]]:
    """A row for each part: without and with a cache where that makes a difference."""
    rows = []
    for without, cached in zip(
        needs(costs, demand, cached=False), needs(costs, demand, cached=True), strict=True
    ):
        rows.append(_row(without, ""))
        if without != cached:
            rows[-1] = _row(without, ", without a cache")
            rows.append(_row(cached, ", polls from nginx's cache"))
    return rows


def store_limits(costs: Costs) -> list[tuple[str, str]]:
    """How many a second of each kind of change alone the store's one thread can take."""
    return [
        (kind, f"{BUSY_MAX * 1e6 / cost.store_us:,.0f}")
        for kind, cost in costs.requests.items()
        if cost.store_us >= 1
    ]


def _row(need: Need, more: str) -> tuple[str, ...]:
    processes = "1, one thread" if need.part == "store" else str(need.processes)
    nodes = "2" if need.part in {"store", "ledger"} else str(need.nodes)
    return (
        need.part + more,
        f"{need.per_second:,.0f}",
        f"{need.cores:.2f}",
        processes,
        nodes,
        f"{need.memory / GIB:.1f} GiB",
    )


HEAD: Final = ("part", "requests/s", "cores in use", "processes", "machines", "memory")


def main(arguments: Sequence[str] | None = None) -> None:
    command = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    command.add_argument("--costs", type=Path, default=COSTS_FILE)
    for name, default in asdict(Demand()).items():
        command.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    options = vars(command.parse_args(arguments))
    costs = read_costs(options.pop("costs"))
    demand = Demand(**options)
    for row in (HEAD, *table(costs, demand)):
        print(f"{row[0]:40}" + "".join(f"{cell:>16}" for cell in row[1:]))
    print(f"{bits_per_second(costs, demand) / 1e9:.1f} Gbit/s to and from the visitors")


if __name__ == "__main__":
    main()
