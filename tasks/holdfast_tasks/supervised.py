"""Starts background tasks: the only place of the service that does.

The event loop keeps weak references to tasks, and reports the failure of one that nobody awaits
when the garbage collector finds it, which may be never. A task that is started here is referenced
until it ends, carries a name, and its failure is reported at once to the loop's exception handler
(holdfast_web.faults), unless its owner says that others await it. Its owner ends it (`end_tasks`).
"""

import asyncio
from collections.abc import Coroutine, Iterable
from contextvars import Context
from typing import Any, Final, TypeVar

T = TypeVar("T")

_running: Final[set[asyncio.Task[Any]]] = set()


def start_task(
    work: Coroutine[Any, Any, T], *, name: str, awaited: bool = False, inherits: bool = False
) -> asyncio.Task[T]:
    """Starts `work` beside its caller. The failure of an `awaited` task is raised where it is
    awaited; that of any other is reported.

    A task that `inherits` has the context variables of its caller, such as the id of the request
    that it works for; others have none.
    """
    task = asyncio.create_task(work, name=name, context=None if inherits else Context())
    _running.add(task)
    task.add_done_callback(_end_awaited if awaited else _end)
    return task


async def end_tasks(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancels the tasks and waits until they have ended, however they do; None is no task."""
    ending = {task for task in tasks if task is not None}
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)


def _end_awaited(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # seen, so that the loop does not report it as well


def _end(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (fault := task.exception()) is not None:
        message = f"the task {task.get_name()!r} failed"
        task.get_loop().call_exception_handler({"message": message, "exception": fault})
