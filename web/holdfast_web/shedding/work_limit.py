"""Limits how many requests a worker has in work, so that each ends in time.

The number follows from what requests take: it is lowered by a factor when those of the last window
took longer than the target on average, and raised while it is made use of and they did not. By
Little's law it comes to rest at the worker's throughput multiplied by the target, whatever machine,
store and mixture of requests there is.
"""

from typing import Final

WINDOW_SECONDS: Final = 0.1
START, LEAST, MOST = 256.0, 24.0, 2048.0
LOWERED: Final = 0.8
RAISED: Final = 1.1


class WorkLimit:
    """The limit at present (`value`); `done` tells it of each request that has ended."""

    def __init__(self, target_seconds: float) -> None:
        self.value = START
        self._target = target_seconds
        self._since = 0.0
        self._count = 0
        self._sum = 0.0
        self._most = 0

    def done(self, seconds: float, work: int, now: float) -> None:
        """A request took so long; `work` were in work, itself included."""
        if not self._count:
            self._since = now
        self._count += 1
        self._sum += seconds
        self._most = max(self._most, work)
        if now - self._since >= WINDOW_SECONDS:
            self._adjust()
            self._count, self._sum, self._most = 0, 0.0, 0

    def _adjust(self) -> None:
        if self._sum > self._target * self._count:
            self.value = max(LEAST, self.value * LOWERED)
        elif self._most * 2 >= self.value:
            self.value = min(MOST, self.value * RAISED)
