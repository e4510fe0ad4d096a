"""Schedules run against model and real code, one after another, and shrunk when they fail."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from model import settle, steps
from model.schedule import Failure, Run, Schedule, drawn
from model.state import RunState

from holdfast_ledger import Ledger
from holdfast_ledger.database.schema import metadata
from holdfast_lua import Executor


async def run_schedule(schedule: Schedule, executor: Executor, ledger: Ledger) -> Run:
    """Runs a schedule on a sale of its own."""
    state = RunState(executor, ledger, schedule.policy)
    failure = None
    try:
        await state.open()
        for step in schedule.steps:
            state.trace.append(str(step))
            await steps.make(state, step)
        await settle.settle(state)
    except Exception as violation:
        failure = Failure(schedule, violation, tuple(state.trace))
    finally:
        await _clear(state)
    return Run(tuple(state.trace), failure)


async def _clear(state: RunState) -> None:
    for worker in state.workers:
        worker.die()
    # What a dead worker still has to say about its end has been judged, or is nobody's affair.
    with contextlib.suppress(Exception):
        await state.scheduler.run_until_blocked()
    await state.wipe()
    await forget(state.ledger, state.uid)


async def forget(ledger: Ledger, uid: str) -> None:
    """The ledger has never heard of the sale."""
    async with ledger.database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            column = table.columns.get("sale_uid", table.columns.get("uid"))
            if column is not None:
                await connection.execute(table.delete().where(column == uid))


async def search(
    executor: Executor, ledger: Ledger, seeds: Sequence[int], *, shrink: int = 0
) -> tuple[int, Failure] | None:
    """The first seed that fails, and how; None when none does."""
    for seed in seeds:
        failure = (await run_schedule(drawn(seed), executor, ledger)).failure
        if failure is not None:
            if shrink:
                failure = await shrunk(failure, executor, ledger, tries=shrink)
            return seed, failure
    return None


async def shrunk(failure: Failure, executor: Executor, ledger: Ledger, *, tries: int) -> Failure:
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
            found = (await run_schedule(less, executor, ledger)).failure
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
