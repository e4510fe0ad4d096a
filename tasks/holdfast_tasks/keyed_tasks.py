"""Runs work once for each key, until it succeeds.

For work on single sales that was found to be due. What fails is tried again, with pauses that grow
up to `MAX_PAUSE_SECONDS`, and is logged once for each new trouble; an attempt that takes longer
than `ATTEMPT_SECONDS` is cancelled; no more than `AT_ONCE_MAX` attempts run at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast_tasks.supervised import end_tasks, start_task

ATTEMPT_SECONDS: Final = 30.0
AT_ONCE_MAX: Final = 64
FIRST_PAUSE_SECONDS: Final = 0.5
MAX_PAUSE_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


class KeyedTasks:
    """The tasks of one kind, by their key."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._running: dict[str, asyncio.Task[None]] = {}
        self._attempts = asyncio.Semaphore(AT_ONCE_MAX)

    def start(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` until it succeeds, unless a task with this key is running."""
        if key not in self._running:
            task = start_task(self._run(key, work), name=f"{self._what} {key}")
            self._running[key] = task

    async def stop(self) -> None:
        """Ends all tasks and waits until they have ended."""
        await end_tasks(self._running.values())

    async def _run(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        pause, told = FIRST_PAUSE_SECONDS, ""
        try:
            while (trouble := await self._attempt(work)) is not None:
                if trouble != told:
                    logger.warning("%s %s failed: %s", self._what, key, trouble)
                told = trouble
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
        finally:
            del self._running[key]

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> str | None:
        """Runs the work once; returns the text of its error, or None."""
        async with self._attempts:
            try:
                async with asyncio.timeout(ATTEMPT_SECONDS):
                    await work()
            except Exception as error:
                return repr(error)
        return None
