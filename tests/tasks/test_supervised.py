"""Background tasks: referenced until they end, failures logged or handed on, ended on demand."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from holdfast_tasks import KeyedTasks, end_tasks, start_task


async def test_task_that_nobody_refers_to_goes_on() -> None:
    """Catches a home that leaves tasks to the loop's weak references."""
    done = asyncio.Event()

    async def wait_for_a_future_of_its_own() -> None:
        future = asyncio.get_running_loop().create_future()
        resume.append(weakref.ref(future))
        await future
        done.set()

    resume: list[weakref.ref[asyncio.Future[None]]] = []
    start_task(wait_for_a_future_of_its_own(), name="alone")
    await asyncio.sleep(0)
    gc.collect()
    future = resume[0]()
    assert future is not None
    future.set_result(None)
    del future
    async with asyncio.timeout(5):
        await done.wait()


@pytest.fixture
async def reports() -> list[dict[str, Any]]:
    """What the loop's exception handler is told, which in a worker logs it."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: told.append(report))
    return told


async def test_failure_of_a_task_is_reported_with_its_name(reports: list[dict[str, Any]]) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    task = start_task(fail(), name="count seats")
    await asyncio.wait({task})
    await asyncio.sleep(0)
    (report,) = reports
    assert report["message"] == "the task 'count seats' failed"
    assert isinstance(report["exception"], ValueError)


async def test_failure_of_an_awaited_task_is_for_who_awaits_it(
    reports: list[dict[str, Any]],
) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    task = start_task(fail(), name="load", awaited=True)
    with pytest.raises(ValueError, match="broken"):
        await task
    assert reports == []


async def test_awaited_task_that_everybody_left_is_not_reported(
    reports: list[dict[str, Any]],
) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    task = start_task(fail(), name="load", awaited=True)
    await asyncio.wait({task})
    await asyncio.sleep(0)
    del task
    gc.collect()
    assert reports == []


@pytest.mark.usefixtures("reports")
async def test_ended_tasks_have_ended_however_they_do() -> None:
    async def fail_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("broken")

    tasks = [
        start_task(asyncio.Event().wait(), name="waits"),
        start_task(fail_when_cancelled(), name="fails at its end"),
    ]
    await asyncio.sleep(0)
    await end_tasks([*tasks, None])
    assert all(task.done() for task in tasks)
    await end_tasks([])


async def test_work_of_one_key_does_not_wait_for_that_of_another() -> None:
    """Catches keyed tasks that run in turn: the work of the second key would never begin."""
    tasks, reached = KeyedTasks("work on sale"), asyncio.Event()

    async def hang() -> None:
        await asyncio.Event().wait()

    tasks.start("hangs", hang)

    async def reach() -> None:
        reached.set()

    tasks.start("goes on", reach)
    async with asyncio.timeout(5):
        await reached.wait()
    await tasks.stop()
