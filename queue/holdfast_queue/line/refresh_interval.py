"""How long a visitor waits between two polls.

The service schedules the polls: a visitor a thousand places back learns nothing from two polls a
second, the next in line must notice the call well inside its window. The interval grows with the
expected wait and is clamped at both ends; the jitter keeps a crowd that arrived in one second from
polling in one second for the rest of the sale.

Invariant: an interval is never longer than a third of the claim window, so a visitor who was just
called has at least two polls left before the call expires; where that third is below half a second,
intervals are half a second. The page itself slows down while its tab is hidden.
"""

from collections.abc import Callable
from random import random
from typing import Final

from holdfast_lua.calls.constants import POLL_LEAST_MS, POLL_MS, POLLS_PER_WINDOW

MIN_INTERVAL_SECONDS: Final = POLL_MS / 1000
MAX_INTERVAL_SECONDS: Final = 30.0
WAIT_DIVISOR: Final = 10.0
JITTER: Final = 0.3
_FLOOR_SECONDS: Final = POLL_LEAST_MS / 1000


def shared_interval_seconds(claim_window_seconds: float) -> float:
    """The interval that the status document gives everybody: that of visitors near the front."""
    return max(_FLOOR_SECONDS, min(MIN_INTERVAL_SECONDS, claim_window_seconds / POLLS_PER_WINDOW))


class RefreshIntervals:
    """Computes the intervals of one sale, between the bounds that its claim window sets."""

    def __init__(self, claim_window_seconds: float) -> None:
        self._floor = shared_interval_seconds(claim_window_seconds)
        longest = min(MAX_INTERVAL_SECONDS, claim_window_seconds / POLLS_PER_WINDOW)
        self._ceiling = max(longest, self._floor)

    def seconds(self, wait_seconds: float | None, draw: Callable[[], float] = random) -> float:
        """The interval of a visitor whose expected wait is `wait_seconds` (None: unknown)."""
        base = self._ceiling if wait_seconds is None else wait_seconds / WAIT_DIVISOR
        jittered = max(self._floor, base) * (1.0 + JITTER * draw())
        # Rounded to a tenth; `round` with digits takes as long as all of the rest.
        return int(min(self._ceiling, jittered) * 10 + 0.5) / 10
