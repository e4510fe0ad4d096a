"""Counts requests and connections that end before a handler sees them, and logs one line for many.

Anybody can cause as many as they like, so a single one is not logged. What was wrong about one is
not logged either: it may be a credential with one character too many.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Final

LOG_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class Rejection(StrEnum):
    """Why a request or a connection was ended."""

    MALFORMED = "malformed"
    ENCODED = "encoded"
    NOT_READING = "not_reading"


class Rejections:
    """Counts rejections with `count`, and logs a line every LOG_SECONDS at most.

    `count_refused` counts what is refused in an overload (see shedder), by reason and priority.
    """

    def __init__(
        self,
        count: Callable[[str], None],
        count_refused: Callable[[str, str], None] = lambda _reason, _priority: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._count_refused = count_refused
        self._clock = clock
        self._unreported: Counter[tuple[str, ...]] = Counter()
        self._reported_at = -LOG_SECONDS

    def add(self, reason: Rejection) -> None:
        """Counts one rejection."""
        self._count(reason.value)
        self._report((reason.value,))

    def refuse(self, reason: str, priority: str) -> None:
        """Counts one request that is refused in an overload."""
        self._count_refused(reason, priority)
        self._report(("refused", priority, reason))

    def _report(self, name: tuple[str, ...]) -> None:
        self._unreported[name] += 1
        now = self._clock()
        if now - self._reported_at < LOG_SECONDS:
            return
        self._reported_at = now
        counts = ", ".join(
            f"{times} {' '.join(name)}" for name, times in sorted(self._unreported.items())
        )
        _log.warning("rejected since the last such line: %s", counts)
        self._unreported.clear()
