"""A task that does something again and again, survives its errors, and says so once.

Whatever is periodic here is safe to skip once and safe to repeat, so an error costs one round: it
is logged, and rounds come more rarely, up to `MAX_PAUSE_SECONDS`, until one succeeds. A store that
is down for a minute then makes a handful of log lines and no storm of attempts when it returns.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast_lua.errors import StoreError
from holdfast_web.errors import HoldfastError

MAX_PAUSE_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


class Periodic:
    """Runs `work` every `seconds` until stopped."""

    def __init__(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._seconds = seconds
        self._work = work
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first round comes at once."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """End, in the middle of a round if need be."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def _run(self) -> None:
        while True:
            await self._round()
            await asyncio.sleep(self._pause_seconds())

    async def _round(self) -> None:
        try:
            await self._work()
        except (StoreError, HoldfastError, TimeoutError) as error:
            self._note(error, trace=False)
        except Exception as error:
            self._note(error, trace=True)
        else:
            if self._failures:
                logger.info("%s works again after %d failures", self.name, self._failures)
            self._failures = 0

    def _note(self, error: Exception, *, trace: bool) -> None:
        """The first failure of a row is told, the others only counted."""
        self._failures += 1
        if self._failures == 1:
            logger.warning("%s failed: %s", self.name, error, exc_info=error if trace else None)

    def _pause_seconds(self) -> float:
        if not self._failures:
            return self._seconds
        doubled = self._seconds * 2.0 ** min(self._failures, 10)
        return max(self._seconds, min(MAX_PAUSE_SECONDS, doubled))
