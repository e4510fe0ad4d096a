"""What the faults of a demo need around them: a disk that they may fill, and a verdict."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from holdfast_demo.chaos import report
from holdfast_demo.chaos.disk import SmallDisk
from holdfast_demo.chaos.run import ChaosRun
from holdfast_loadtest.audit.verdict import Verdict

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


def with_faults(verdict: Verdict, chaos: ChaosRun) -> Verdict:
    """Prints what the faults did, and adds their checks to the verdict."""
    outcomes, crowd = chaos.outcomes, chaos.crowd
    told = [*report.table(outcomes), *report.losses(crowd.tally), *report.limits(outcomes)]
    print("\n".join(["", *told]), flush=True)
    checks = report.checks(outcomes, chaos.recovery_seconds, crowd.traffic.of_status(500))
    return Verdict(verdict.sale, (*verdict.checks, *checks))
