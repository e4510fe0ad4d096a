"""Prepares the faults of one demo: the disk that they may fill, the run, and its verdict."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from holdfast_demo.chaos import report
from holdfast_demo.chaos.disk import SmallDisk
from holdfast_demo.chaos.options import ChaosOptions
from holdfast_demo.chaos.recovery import Probe
from holdfast_demo.chaos.run import ChaosRun, Crowd
from holdfast_demo.chaos.target import ServiceLocation, Target
from holdfast_loadtest.audit.verdict import Verdict
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Client
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.wire import Sale

DISK_MIB: Final = 128
VISITORS_PER_MIB: Final = 50


@contextmanager
def disk_for(directory: Path, *, wanted: bool, visitors: int) -> Iterator[SmallDisk | None]:
    """A disk in `directory` that can be filled; None when it is not wanted or not allowed."""
    if not wanted:
        yield None
        return
    path = directory / "disk"
    path.mkdir(mode=0o700)
    disk = SmallDisk.mount(path, max(DISK_MIB, visitors // VISITORS_PER_MIB))
    try:
        yield disk
    finally:
        if disk is not None:
            disk.unmount()


async def prepare(
    options: ChaosOptions,
    location: ServiceLocation,
    context: CrowdContext,
    *,
    platform_key: str,
    operator: ShopCalls,
    note: Callable[[str], None],
) -> ChaosRun:
    """The faults of `options`, against the sale that the crowd of `context` buys from."""
    sale = (await operator.read("")).read(Sale)
    client = Client(location.session, location.url, sale.sale, shop_url=location.key_url)
    probe = Probe(client, platform_key, context.journal)
    crowd = Crowd(context.tally, context.client.traffic)
    return ChaosRun(Target(location, sale, operator), probe, crowd, note=note, options=options)


def with_faults(verdict: Verdict, chaos: ChaosRun) -> Verdict:
    """Prints what the faults did, and adds their checks to the verdict."""
    outcomes, crowd = chaos.outcomes, chaos.crowd
    told = [*report.table(outcomes), *report.losses(crowd.tally), *report.limits(outcomes)]
    print("\n".join(["", *told]), flush=True)
    checks = report.checks(outcomes, chaos.recovery_seconds, crowd.traffic.of_status(500))
    return Verdict(verdict.sale, (*verdict.checks, *checks))
