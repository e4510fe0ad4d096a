"""Repeats work every so many seconds; of successive errors the first is logged.

Whatever is periodic here is safe to skip once and safe to repeat. After errors rounds come more
rarely until one succeeds, at most four times as seldom and `MAX_PAUSE_SECONDS` apart: it is a
round of the sale that notices when a store which is back has lost writes, and until then nobody can
buy. A
round that takes longer than `ROUND_SECONDS` is cancelled, which counts as an error.

Rounds of the same period begin together, on multiples of it, so that what the sales of a process
ask the store shares a pipeline. Processes begin theirs at different times, which follow from their
ids.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast_tasks.supervised import end_tasks, start_task

MAX_PAUSE_SECONDS: Final = 5.0
DOUBLINGS_MAX: Final = 2
ROUND_SECONDS: Final = 60.0
EARLY_PART: Final = 0.25
GOLDEN_RATIO: Final = 0.618
"""multiples of it, without their whole part, are spread evenly however many there are"""

logger = logging.getLogger(__name__)


class Periodic:
    """Runs `work` every `seconds` until stopped; `expected` errors are logged in one line."""

    def __init__(
        self,
        name: str,
        seconds: float,
        work: Callable[[], Awaitable[None]],
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name = name
        self._seconds = seconds
        self._work = work
        self._expected = (*expected, TimeoutError)
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def start(self, *, at_once: bool = True) -> None:
        """Begins; the first round is at once, or at the next multiple of the period."""
        self._task = start_task(self._run(at_once), name=self.name)

    def cancel(self) -> None:
        """Ends the task, also in the middle of a round; a round may end its own task by it."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """Ends the task and waits until it has ended."""
        task, self._task = self._task, None
        await end_tasks([task])

    async def _run(self, at_once: bool) -> None:
        if not at_once:
            await asyncio.sleep(self._pause_seconds())
        while True:
            await self._round()
            await asyncio.sleep(self._pause_seconds())

    async def _round(self) -> None:
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                await self._work()
        except Exception as error:
            self._note(error, trace=not isinstance(error, self._expected))
        else:
            if self._failures:
                logger.info("%s works again after %d failures", self.name, self._failures)
            self._failures = 0

    def _note(self, error: Exception, *, trace: bool) -> None:
        """Logs the first of successive failures, and counts the others."""
        self._failures += 1
        if self._failures == 1:
            logger.warning("%s failed: %r", self.name, error, exc_info=error if trace else None)

    def _pause_seconds(self) -> float:
        if self._failures:
            doubled = self._seconds * 2.0 ** min(self._failures, DOUBLINGS_MAX)
            return max(self._seconds, min(MAX_PAUSE_SECONDS, doubled))
        now = asyncio.get_running_loop().time() - os.getpid() * GOLDEN_RATIO * self._seconds
        return until_next(now, self._seconds)


def until_next(now: float, seconds: float) -> float:
    """The seconds until the next multiple of `seconds`. One that is due at once is skipped: timers
    fire a little early, and the round that has just ended was meant for it.
    """
    left = seconds - now % seconds
    return left if left > EARLY_PART * seconds else left + seconds
