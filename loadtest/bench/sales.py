"""What sales that nobody asks for cost beside some that live.

    python loadtest/bench/sales.py [--sizes 100 300] [--live 20] [--seconds 5] [--connections 32]

Makes sales until there are as many as the first size says, then as many as the second, and so on:
most of them straight into ledger and store, the last 50 through `holdfast serve --workers 1`.
20 live, with visitors who wait. At each size the service is started anew, so that nothing is known
of the others but that they are there, and reported are

- creating a sale, in milliseconds at the client (median, 95th percentile of the last 50);
- processor time of the worker while nothing is asked, in percent of a core;
- memory of the worker, and what each sale beyond the live ones adds to it;
- processor time of a join and of a status poll at a live sale.

The first line is that of the live ones alone; what the later ones add is what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from bench.kit.contest import JSON, SALE, Kind, Service, cpu_seconds, serving, turn
from holdfast.sales.operations import new_uid
from holdfast.sales.plans import PlanCache
from holdfast.sales.spec import SaleBody, spec_to_json, split_body
from holdfast.sales.store.install import Installer
from holdfast_ledger import Ledger, SaleDraft
from holdfast_lua import EmbeddedStore, Executor

AT_ONCE: Final = 50
WAITING: Final = 5
MEASURED: Final = 50
SETTLE_SECONDS: Final = 12.0
LOOKS_PER_SECOND: Final = 180
SETTINGS: Final[dict[str, Any]] = {
    "name": "Benchmark",
    "new_users_per_minute": 1,
    "burst": 1,
    "queue_all": True,
    "prices": {"GA": 1000},
    "areas": [{"id": "floor", "name": "Floor", "capacity": 1_000_000, "category": "GA"}],
    "address_joins_per_minute": 0,
}
KINDS: Final = (
    Kind("join", "POST", "/tickets", 201, JSON, b"{}", 0),
    Kind("poll", "GET", "/status", 200, {}, b"", 0),
)


def make_sales(service: Service, first: int, last: int) -> list[float]:
    """Create the sales of these numbers; the milliseconds that each took."""
    taken = []
    for number in range(first, last):
        started = time.perf_counter()
        service.expect("PUT", f"/v1/sales/idle-{number}", SETTINGS)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


async def seed(directory: Path, first: int, last: int) -> None:
    """The same, as they would be in ledger and store, while no service runs."""
    body = msgspec.convert(SETTINGS, SaleBody)
    spec, _ = split_body(body)
    areas = {area.id: area.capacity for area in spec.areas}
    ledger = await Ledger.open(f"sqlite:///{directory / 'ledger.sqlite3'}", existing=True)
    with EmbeddedStore(directory) as store:
        async with Executor(store.url) as executor:
            installer = Installer(executor, ledger, PlanCache(ledger))

            async def make(number: int) -> None:
                uid = new_uid()
                draft = SaleDraft(uid, f"idle-{number}", spec_to_json(spec), areas=areas)
                await installer.install(await ledger.sales.create(draft))

            for at in range(first, last, AT_ONCE):
                await asyncio.gather(*map(make, range(at, min(at + AT_ONCE, last))))
    await ledger.close()


def make_live(service: Service, live: int) -> None:
    """Sales with visitors who wait, the one that is asked later among them."""
    for name in (SALE, *(f"live-{number}" for number in range(1, live))):
        service.expect("PUT", f"/v1/sales/{name}", SETTINGS)
        for _ in range(WAITING):
            service.call("POST", f"/v1/sales/{name}/tickets", {}, {})


def idle_percent(pid: int, seconds: float) -> float:
    """Of a core."""
    before, started = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.perf_counter() - started) * 100


def settle(sales: int) -> None:
    """A worker that starts looks at every sale once."""
    time.sleep(SETTLE_SECONDS + sales / LOOKS_PER_SECOND)


def resident_kib(pid: int) -> int:
    """What the process has for itself; what it shares with its parent costs nothing more."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def measure(directory: Path, sales: int, live: int, options: argparse.Namespace) -> Iterator[str]:
    """One line of the report, in pieces."""
    with serving(directory) as service:
        pid = service.contestant.pid
        settle(sales)
        yield f"{idle_percent(pid, options.seconds):8.2f} %"
        kib = resident_kib(pid)
        options.live_kib = options.live_kib or kib
        each = (kib - options.live_kib) / max(1, sales - live)
        yield f"{kib / 1024:7.1f} MiB {each:6.2f} KiB"
        for kind in KINDS:
            made = turn(service.contestant, itertools.repeat(kind.bytes), options)
            if set(made.statuses) != {str(kind.status)}:
                raise SystemExit(f"{kind.name}: {dict(made.statuses)}")
            yield f"{made.cpu_us:8.1f} us"


def main() -> None:
    command = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    command.add_argument("--sizes", type=int, nargs="+", default=[100, 300])
    command.add_argument("--live", type=int, default=20)
    command.add_argument("--seconds", type=float, default=5.0)
    command.add_argument("--connections", type=int, default=32)
    options = command.parse_args()
    options.live_kib = 0
    print("  sales | creating: p50, p95 | idle | memory, each | join | poll", flush=True)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory, sales = Path(name), options.live
        with serving(directory) as service:
            make_live(service, options.live)
        for size in (options.live, *options.sizes):
            taken = [0.0]
            if size > sales:
                measured = max(sales, size - MEASURED)
                uvloop.run(seed(directory, sales, measured))
                with serving(directory) as service:
                    settle(measured)
                    taken = make_sales(service, measured, size)
                sales = size
            creating = (
                f"{statistics.median(taken):6.1f}, {sorted(taken)[len(taken) * 19 // 20]:6.1f} ms"
            )
            columns = [creating, *measure(directory, size, options.live, options)]
            print(f"{size:7} | {' | '.join(columns)}", flush=True)


if __name__ == "__main__":
    main()
