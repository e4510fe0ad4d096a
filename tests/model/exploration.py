"""Many seeds, in several processes, each with stores and a ledger of its own.

A seed is one run and always the same one, wherever it runs: of a failure the seed is all that one
needs to see it again.
"""

import gc
import logging
import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any, Final

from model.harness import open_harness, run_backend
from model.schedule import Failure
from model.two_stores.harness import open_two_stores, run_two_stores

SHRINK: Final = 200
"""runs that may be spent on a shorter schedule for a failure"""
SEEDS_AT_ONCE: Final = 20
"""between two reports of a process"""
PROGRESS_SECONDS: Final = 10.0
COLLECT_EVERY: Final = 10
"""so many times as many seeds: garbage that is collected in the middle of a run costs more"""
JOIN_SECONDS: Final = 60.0

Search = Callable[[Sequence[int]], tuple[int, Failure] | None]


@dataclass(frozen=True)
class Exploration:
    """Which seeds to run, and in how many processes."""

    first: int
    schedules: int
    processes: int = 1
    two_stores: bool = False

    @property
    def last(self) -> int:
        """The last seed."""
        return self.first + self.schedules - 1

    def share(self, number: int) -> range:
        """The seeds of one of the processes."""
        return range(self.first + number, self.last + 1, self.processes)

    def again(self, seed: int) -> str:
        """The command that runs this seed alone."""
        kind = "--two-stores " if self.two_stores else ""
        return f"make explore ARGS='{kind}--first {seed} --schedules 1 --processes 1'"


@dataclass(frozen=True)
class Report:
    """What a process tells: so many runs more; the first seed that failed, and how."""

    runs: int = 0
    seed: int | None = None
    failure: str = ""


def explore(exploration: Exploration, say: Callable[[str], None]) -> bool:
    """Runs all seeds and says how it goes. False when one failed: that ends it."""
    began = told = time.monotonic()
    done = 0
    for report in _reports(exploration):
        done += report.runs
        if report.seed is not None:
            say(f"seed {report.seed}: {report.failure}")
            say(f"{done} schedules ran; this one again: {exploration.again(report.seed)}")
            return False
        now = time.monotonic()
        if now - told >= PROGRESS_SECONDS:
            told = now
            say(f"{done} of {exploration.schedules} schedules, {done / (now - began):.1f} a second")
    if done < exploration.schedules:
        raise RuntimeError(f"only {done} of {exploration.schedules} schedules were run")
    seconds = time.monotonic() - began
    say(
        f"{done} schedules, seeds {exploration.first} to {exploration.last}, in {seconds:.0f} s, "
        f"{done / seconds:.1f} a second: no violation"
    )
    return True


def _reports(exploration: Exploration) -> Iterator[Report]:
    """Of all processes, as they come, up to the first failure."""
    if exploration.processes == 1:
        yield from _run(exploration.share(0), exploration.two_stores)
        return
    context = multiprocessing.get_context("forkserver")
    channel, stop = context.Queue(), context.Event()
    workers = [
        context.Process(
            target=_work, args=(exploration.share(number), exploration.two_stores, channel, stop)
        )
        for number in range(exploration.processes)
    ]
    for worker in workers:
        worker.start()
    try:
        yield from _received(workers, channel)
    finally:
        stop.set()
        for worker in workers:
            worker.join(JOIN_SECONDS)
            worker.terminate()


def _received(workers: Sequence[BaseProcess], channel: Any) -> Iterator[Report]:
    """What processes report until each has said that it is done, or died without."""
    running = len(workers)
    while running:
        try:
            report = channel.get(timeout=1.0)
        except queue.Empty:
            if not any(worker.is_alive() for worker in workers):
                return
            continue
        if report is None:
            running -= 1
        else:
            yield report


def _work(seeds: Sequence[int], two_stores: bool, channel: Any, stop: Any) -> None:
    """A process of its own; it looks between reports whether it shall stop."""
    try:
        for report in _run(seeds, two_stores):
            channel.put(report)
            if stop.is_set():
                return
    finally:
        channel.put(None)


def _run(seeds: Sequence[int], two_stores: bool) -> Iterator[Report]:
    """Runs the seeds up to the first that fails."""
    with _quiet(), _opened(two_stores) as search:
        for at in range(0, len(seeds), SEEDS_AT_ONCE):
            some = seeds[at : at + SEEDS_AT_ONCE]
            found = search(some)
            if found is not None:
                yield Report(some.index(found[0]) + 1, found[0], str(found[1]))
                return
            yield Report(len(some))
            if at % (SEEDS_AT_ONCE * COLLECT_EVERY) == 0:
                gc.collect()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without log lines of losses that are meant, and without collections of garbage."""
    logging.disable(logging.CRITICAL)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)


@contextmanager
def _opened(two_stores: bool) -> Iterator[Search]:
    """What finds the first of some seeds that fails."""
    if two_stores:
        with run_two_stores() as backends, open_two_stores(backends) as both:
            yield both.search
    else:
        with run_backend() as backend, open_harness(backend) as harness:
            yield lambda seeds: harness.search(seeds, shrink=SHRINK)
