"""prometheus-client over several workers: each writes mapped files of its own, a scrape adds them
up.

The parent calls `prepare` once before it makes any instrument or forks, and `forget_worker` when
one has died. The directory is wiped at the start: files of an earlier run would be added to this
one's, and a pid used again would continue a stranger's counters.

The library decides between mapped files and plain values when it is imported, by an environment
variable. Whether something has imported it before `prepare` runs is not ours to know, so `prepare`
makes that decision anew, in the library's own terms.
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, values
from prometheus_client import multiprocess as library

DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


def prepare(directory: Path) -> None:
    """Count into files of `directory` from now on; an earlier run's files are removed."""
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob("*.db"):
        leftover.unlink()
    os.environ[DIRECTORY_VARIABLE] = str(directory)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # has no types


def forget_worker(pid: int) -> None:
    """A worker has died: its gauges are no sighting any more. Its counters stay, since what they
    counted did happen.
    """
    if is_prepared():
        library.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # has no types


def is_prepared() -> bool:
    return DIRECTORY_VARIABLE in os.environ


def collected() -> CollectorRegistry:
    """A registry that adds up the files of all workers, made for one scrape."""
    registry = CollectorRegistry()
    library.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # has no types
    return registry
