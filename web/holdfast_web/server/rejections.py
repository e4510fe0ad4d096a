"""Requests and connections that end before a handler sees them: counted, and told in the log in one
line for all of them.

Anybody can make as many as they like, so each costs the log nothing. And what was wrong about one
is not repeated: it may be a credential with one character too many.
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
    """Why the edge ended a request or a connection."""

    MALFORMED = "malformed"
    ENCODED = "encoded"
    NOT_READING = "not_reading"


class Rejections:
    """Counts them with `count`, and logs a line every LOG_SECONDS at most."""

    def __init__(
        self, count: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._clock = clock
        self._untold: Counter[Rejection] = Counter()
        self._told_at = -LOG_SECONDS

    def add(self, reason: Rejection) -> None:
        """One more."""
        self._count(reason.value)
        self._untold[reason] += 1
        now = self._clock()
        if now - self._told_at < LOG_SECONDS:
            return
        self._told_at = now
        told = ", ".join(f"{times} {name}" for name, times in sorted(self._untold.items()))
        _log.warning("rejected since the last such line: %s", told)
        self._untold.clear()
