"""Three nodes, a replicated store and a replicated ledger behind nginx, under fault after fault.

Every host is a network namespace of its own. A crowd joins, claims, holds and confirms through
nginx while links are cut, nodes killed, primaries moved, killed and cut off. Afterwards the audit
reads the sale through the API: nothing is oversold, no confirmed order is lost, nobody was
overtaken; and after no fault was a kind of write impossible for longer than the bound.
"""

from pathlib import Path

import pytest
from support.distributed.deployment import MakeStore, cluster_store, deployment, sentinel_store
from support.distributed.faults import draw_schedule
from support.distributed.programs import say
from support.distributed.torture import Report, torture

ROUNDS = range(1, 6)
"""the seeds of the long runs, each with every fault once: more than fifty of them for each store"""
GAP_SECONDS = 10.0
GAP_SECONDS_AMONG_OTHERS = 30.0
"""where other tests use the machine at the same time"""
TAIL_LINES = 15


async def kept_promises(
    make_store: MakeStore, home: Path, schedule: list[str], seed: int, gap_max: float
) -> Report:
    """What the run came to; the test fails with the programs' last words if it was not good."""
    with deployment(make_store, home) as deployed:
        report = await torture(deployed, schedule, seed)
        say(report.text())
        failures = report.failures(gap_max)
        if failures:
            told = "\n".join([*failures, report.text(), deployed.tails(TAIL_LINES)])
            pytest.fail(told, pytrace=False)
        return report


@pytest.mark.torture
async def test_deployment_on_sentinel_outlives_faults(tmp_path: Path) -> None:
    schedule = ["store muted", "ledger cut off", "node killed"]
    await kept_promises(sentinel_store, tmp_path, schedule, 1, GAP_SECONDS_AMONG_OTHERS)


@pytest.mark.torture
async def test_deployment_on_a_cluster_outlives_faults(tmp_path: Path) -> None:
    """The primary that is killed takes acknowledged writes with it."""
    schedule = ["store killed", "ledger read only", "node without store"]
    report = await kept_promises(cluster_store, tmp_path, schedule, 1, GAP_SECONDS_AMONG_OTHERS)
    assert report.losses == 1


@pytest.mark.torture
@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("make_store", [sentinel_store, cluster_store])
async def test_deployment_outlives_every_fault(
    tmp_path: Path, make_store: MakeStore, seed: int
) -> None:
    report = await kept_promises(make_store, tmp_path, draw_schedule(seed), seed, GAP_SECONDS)
    assert report.losses >= 1
