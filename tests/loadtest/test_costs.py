"""What the benchmarks say of processor time and memory: nothing that ran is left out."""

import os
import subprocess
import sys

import pytest

from holdfast_loadtest.processes import cost_of, tree_seconds

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
GRANDCHILD_ENDS = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n"
CHILD_STAYS = GRANDCHILD_ENDS + "print('done', flush=True)\nsys.stdin.read()\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells")


def test_tree_counts_who_has_ended_already() -> None:
    """Catches a sum over living processes: a database's workers come and go."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD_STAYS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        alone, tree = cost_of(child.pid).seconds, tree_seconds(child.pid)
        above = tree_seconds(os.getpid())
    assert tree >= 0.25
    assert alone < tree
    assert above >= tree


def test_tree_of_a_process_that_is_gone_costs_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    assert tree_seconds(child.pid) == 0.0
    assert cost_of(child.pid).mib == 0


def test_memory_is_now_and_at_most() -> None:
    held = bytearray(os.urandom(1)) * (64 << 20)
    high = cost_of(0)
    del held
    low = cost_of(0)
    assert high.mib > 64
    assert low.mib < high.mib - 48
    assert low.peak_mib >= high.mib - 2  # the kernel counts pages in small batches
