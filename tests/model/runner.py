"""Schedules run against model and real code, one after another, and shrunk when they fail."""

import contextlib
from collections.abc import Callable, Iterable, Sequence

from model import settle, steps
from model.environment.memory_ledger import MemoryLedger
from model.schedule import Failure, Run, Schedule, drawn
from model.scheduler import Scheduler
from model.state import RunState
from model.workers.worker import Worker

from holdfast_lua import Executor

RunSchedule = Callable[[Schedule], Run]


async def run_schedule(schedule: Schedule, executor: Executor, ledger: MemoryLedger) -> Run:
    """Runs a schedule in an empty store and an empty ledger."""
    state = RunState(executor, ledger, schedule.policy)
    failure = None
    try:
        await state.open()
        for step in schedule.steps:
            state.trace.append(step)
            await steps.make(state, step)
        await settle.settle(state)
    except Exception as violation:
        failure = Failure(schedule, violation, tuple(state.trace))
    finally:
        await end_workers(state.scheduler, state.workers)
    return Run(tuple(state.trace), failure)


async def end_workers(scheduler: Scheduler, workers: Sequence[Worker]) -> None:
    """All workers die; how their requests end by that was checked before, or does not matter."""
    for worker in workers:
        worker.die()
    with contextlib.suppress(Exception):
        await scheduler.run_until_blocked()


def search(
    run: RunSchedule, seeds: Iterable[int], *, shrink: int = 0
) -> tuple[int, Failure] | None:
    """The first seed that fails, and how; None when none does."""
    for seed in seeds:
        failure = run(drawn(seed)).failure
        if failure is not None:
            return seed, shrunk(failure, run, tries=shrink)
    return None


def shrunk(failure: Failure, run: RunSchedule, *, tries: int) -> Failure:
    """The failure with as few steps as can be found in so many runs."""
    size = max(1, len(failure.schedule.steps) // 2)
    while tries > 0:
        smaller = None
        known = failure.schedule.steps
        for at in range(0, len(known), size):
            tries -= 1
            if tries <= 0:
                break
            less = Schedule(failure.schedule.policy, known[:at] + known[at + size :])
            found = run(less).failure
            if found is not None and found.kind == failure.kind:
                smaller = found
                break
        if smaller is not None:
            failure = smaller
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return failure
