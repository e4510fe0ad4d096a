"""What do sales that nobody asks for cost beside some that live?

    python loadtest/bench/sales.py [--sizes 1 100 1000] [--live 20] [--seconds 0.5] [--rounds 3]

A service for each size, with 20 sales that live, with visitors who wait, and so many more that are
idle: most of them straight into ledger and store, the last through `holdfast serve --workers 1`.
Each is started anew before it is measured, so that nothing is known of the others but that they
are there. In turns:

- processor time of the worker for a second in which nothing is asked;
- processor time of the worker for a join and for a status poll at a live sale.

Besides, the memory that each idle sale adds to the worker, and what creating one takes.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from bench.kit import contest
from bench.kit.clocks import Meter, Sample
from bench.kit.command import Bench, Recorder
from bench.kit.contest import Contestant, Kind
from bench.kit.service import JSON, QUEUED, SALE, Service, serving
from bench.kit.turns import Side, Turn, by_size
from holdfast.sales.operations import new_uid
from holdfast.sales.plans import PlanCache
from holdfast.sales.spec import SaleBody, spec_to_json, split_body
from holdfast.sales.store.install import Installer
from holdfast_ledger import Ledger, SaleDraft
from holdfast_lua import EmbeddedStore, Executor

AT_ONCE: Final = 50
WAITING: Final = 5
MEASURED: Final = 20
SIZES: Final = (1, 100, 1_000)
SLACK: Final = 1.25
"""what a size may cost beside the smallest"""
SETTLE_SECONDS: Final = 12.0
LOOKS_PER_SECOND: Final = 180
SETTINGS: Final = QUEUED | {"queue_all": True, "address_joins_per_minute": 0}
KINDS: Final = (
    Kind("join", "POST", "/tickets", 201, JSON, b"{}"),
    Kind("poll", "GET", "/status", 200, {}, b""),
)


def make_sales(service: Service, first: int, last: int) -> list[float]:
    """Creates the sales of these numbers; returns how many milliseconds each took."""
    taken = []
    for number in range(first, last):
        started = time.perf_counter()
        service.expect("PUT", f"/v1/sales/idle-{number}", SETTINGS)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


async def seed(directory: Path, first: int, last: int) -> None:
    """Makes the same in ledger and store, while no service runs."""
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
            service.join(f"/v1/sales/{name}")


def settle(sales: int) -> None:
    """Waits until a worker that starts has looked at every sale."""
    time.sleep(SETTLE_SECONDS + sales / LOOKS_PER_SECOND)


def resident_kib(pid: int) -> int:
    """The memory that the process does not share with its parent."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


async def prepare(directory: Path, idle: int, live: int) -> list[float]:
    """Makes all sales of a size; the milliseconds that each of the last took to create."""
    created_alone = max(0, idle - MEASURED)
    with serving(directory) as service:
        make_live(service, live)
    if created_alone:
        await seed(directory, 0, created_alone)
    with serving(directory) as service:
        return make_sales(service, created_alone, idle)


def idling(contestant: Contestant, seconds: float) -> Turn:
    """A turn in which nothing is asked; an operation is a second."""

    def turn_of() -> Sample:
        with Meter(contestant.clocks) as meter:
            time.sleep(seconds)
        return meter.sample(max(1, round(seconds)))

    return turn_of


def _asking(kind: Kind, options: argparse.Namespace, contestant: Contestant) -> Turn:
    """A turn of one kind of request at a sale that lives."""
    return contestant.turn_of(kind.bytes, options, kind.status)


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Compares all sizes in turns."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name, ExitStack() as stack:
        directories = {size: Path(name, str(size)) for size in options.sizes}
        for size, directory in directories.items():
            taken = await prepare(directory, size, options.live)
            recorder.fact(
                f"creating a sale, {size:,} idle", statistics.median(taken), "ms", "at most 50"
            )
        services = {
            size: stack.enter_context(serving(directory)) for size, directory in directories.items()
        }
        settle(max(options.sizes) + options.live)
        kib = {size: resident_kib(service.worker) for size, service in services.items()}
        contestants = {size: Contestant.of(service) for size, service in services.items()}

        def sides(turn_of: Callable[[Contestant], Turn]) -> list[Side]:
            return [
                Side(f"{size:,} idle", turn_of(contestants[size]), size) for size in options.sizes
            ]

        resting = sides(lambda one: idling(one, max(1.0, options.seconds)))
        await recorder.compare(by_size("a second of rest", resting, SLACK, unit="seconds"))
        for kind in KINDS:
            turn_of = partial(_asking, kind, options)
            await recorder.compare(by_size(kind.name, sides(turn_of), SLACK, unit="requests"))
    least, most = min(options.sizes), max(options.sizes)
    each = (kib[most] - kib[least]) / max(1, most - least)
    recorder.fact("worker, for each idle sale", each, "KiB", "at most 20")


def add_options(parser: argparse.ArgumentParser) -> None:
    contest.add_options(seconds=0.5)(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="idle sales")
    parser.add_argument("--live", type=int, default=20)


BENCH: Final = Bench(
    "sales",
    __doc__,
    measure,
    3,
    add_options,
    quick={"sizes": [1, 30], "live": 2, "seconds": 0.2},
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
