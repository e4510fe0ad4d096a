"""A worker's own objects are out of the collector's sight. Tried in a process of its own."""

import subprocess
import sys

PROGRAM = """
import gc
from holdfast.processes.serving import spare_the_collector
before = len(gc.get_objects())
spare_the_collector()
assert gc.get_freeze_count() > before // 2, gc.get_freeze_count()
assert len(gc.get_objects()) < before // 10
class Knot: pass
knot = Knot(); knot.self = knot; del knot
assert gc.isenabled() and gc.collect() >= 1
"""


def test_what_a_worker_is_made_of_is_not_looked_at_again() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
