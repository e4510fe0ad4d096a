"""The crowd's coroutines on gevent: nothing suspends, and what is done together overlaps."""

import asyncio

import gevent
import pytest
from gevent.pool import Group

from holdfast_loadtest.locust.scheduling import GeventScheduler, ShieldedGroup, complete


def test_coroutine_runs_to_its_end_without_a_loop() -> None:
    scheduler = GeventScheduler(lambda: 7.0)

    async def visit() -> float:
        await scheduler.sleep(0)
        return scheduler.now()

    assert complete(visit()) == 7.0


def test_coroutine_that_awaits_an_event_loop_is_refused() -> None:
    async def visit() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="event loop"):
        complete(visit())


def test_fault_of_a_visit_is_the_callers() -> None:
    async def visit() -> None:
        raise LookupError("no seat")

    with pytest.raises(LookupError, match="no seat"):
        complete(visit())


def test_what_is_done_together_overlaps_and_is_answered_in_order() -> None:
    scheduler, order = GeventScheduler(lambda: 0.0), []

    async def click(name: str) -> str:
        order.append(f"{name} begins")
        gevent.sleep(0)
        order.append(f"{name} ends")
        return name

    answers = complete(scheduler.together([lambda: click("first"), lambda: click("second")]))
    assert answers == ["first", "second"]
    assert order == ["first begins", "second begins", "first ends", "second ends"]


def test_shielded_coroutine_ends_although_its_caller_is_killed_twice() -> None:
    """As Locust and the part of a run stop the same people."""
    shielded, settled = ShieldedGroup(), []

    async def settle() -> None:
        gevent.sleep(0)
        settled.append("paid")

    def visit() -> None:
        try:
            gevent.sleep(60)
        finally:
            shielded.complete(settle())

    person = gevent.spawn(visit)
    gevent.sleep(0)
    for everybody in (Group([person]), Group([person])):
        everybody.kill(block=False)
    person.join()
    shielded.wait(60)
    assert settled == ["paid"]
