"""What requests cost a service, from a measurement, and what a load of them needs.

`costs.json` was measured by loadtest/bench/costs.py on one machine; it comes with the package, so
that simulations and docs/scaling.md compute from the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

COSTS_FILE: Final = Path(__file__).with_name("costs.json")


class Cost(msgspec.Struct, frozen=True):
    """One request: processor time in microseconds, and bytes there and back."""

    worker_us: float
    store_us: float
    ledger_us: float
    bytes: int


class Costs(msgspec.Struct, frozen=True):
    """What was measured on one machine."""

    requests: dict[str, Cost]
    connection_bytes: float
    """of a worker for an open connection"""
    stream_bytes: float
    """of a worker for an open stream of changes"""
    join_bytes: float
    """of the store for one who waits"""
    session_bytes: float
    """of the store for one who was let in"""
    order_bytes: float
    """of the store for a hold and its order"""
    worker_mib: float
    """of a worker by itself"""

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


class Cores(msgspec.Struct, frozen=True):
    """Processors in use: of the service's workers, of the store, of the ledger's database."""

    workers: float
    store: float
    ledger: float


_decode: Final = msgspec.json.Decoder(Costs).decode


def read_costs(path: Path = COSTS_FILE) -> Costs:
    return _decode(path.read_bytes())


@cache
def measured_costs() -> Costs:
    """Those that come with the package."""
    return read_costs()


def cores_for(per_second: Mapping[str, float], costs: Costs) -> Cores:
    """What so many requests of each kind a second keep busy."""
    shares = [(rate / 1e6, costs.requests[kind]) for kind, rate in per_second.items()]
    return Cores(
        workers=sum(share * cost.worker_us for share, cost in shares),
        store=sum(share * cost.store_us for share, cost in shares),
        ledger=sum(share * cost.ledger_us for share, cost in shares),
    )
