"""A worker's own objects are out of the collector's sight. Tried in a process of its own."""

import subprocess
import sys

PROGRAM = """
import gc
from holdfast.processes.garbage_collector import tune_for_serving
before = len(gc.get_objects())
tune_for_serving()
assert gc.get_freeze_count() > before // 2, gc.get_freeze_count()
assert len(gc.get_objects()) < before // 10
class Knot: pass
knot = Knot(); knot.self = knot; del knot
assert gc.isenabled() and gc.collect() >= 1
"""


def test_what_a_worker_is_made_of_is_not_looked_at_again() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


SHARING = """
import gc
import os
from pathlib import Path
from holdfast.processes.garbage_collector import collection_paused, tune_for_serving
with collection_paused():
    import holdfast.processes.serving
gc.freeze()
def own_kb():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Private_Dirty")).split()[1])
before = own_kb()
if os.fork() == 0:
    tune_for_serving()
    os._exit(own_kb() > before // 2)
assert os.wait()[1] == 0
"""


def test_worker_shares_with_its_parent_what_both_are_made_of() -> None:
    """Catches a collection that writes to every object, and so gives each worker a copy of all."""
    subprocess.run([sys.executable, "-c", SHARING], check=True)
