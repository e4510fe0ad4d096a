"""When Python's collector of cycles need not look.

What a process is made of, modules and what hangs on them, lives as long as the process, and an
import makes hundreds of thousands of such objects. So the collector rests while modules are
imported (a fifth of the time that it takes), and is told afterwards not to look at them again.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_resting() -> Iterator[None]:
    """No collection meanwhile."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def keep_for_life() -> None:
    """Everything that there is now is never looked at again.

    Before a fork it keeps the pages of those objects shared: a collection would write to each.
    """
    gc.freeze()


def spare_the_collector() -> None:
    """What a worker is made of lives as long as the worker, so Python's collector of cycles need
    not look at it again; and a request makes a hundred objects and no cycle, so it may look at the
    young ones less often (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
