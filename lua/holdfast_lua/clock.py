"""What time it is for a sale: what the store has last said, carried on by a monotonic clock.

Sessions and deadlines are the store's, and its clock may be another than this host's: ahead,
behind, or, after it was ahead for a moment, standing still until real time has caught up with it
(see guard.lua). So what the service has signed is judged by the sale's clock, and this
host's is used only for what others sign by theirs. Every reply of a guarded script tells the time:
to know it costs no call.

Rejected: an offset to this host's wall clock. Whoever sets that clock would set the sale's with it.
"""

import time
from typing import Final

SKEW_WARNING_MS: Final = 1_000
"""from here on a difference between the clocks of store and host should be looked into"""
SKEW_PROBLEM_MS: Final = 10_000
"""from here on it costs visitors something"""
SKEW_WINDOW_SECONDS: Final = 5.0
"""how long a difference is shown that no sale has any more"""


class SaleClock:
    """The clock of one sale, as one process hears it."""

    __slots__ = ("_heard_at", "_heard_ms", "_under_way_ms")

    def __init__(self) -> None:
        self._heard_ms = 0
        self._heard_at = 0.0
        self._under_way_ms = 0

    def hear(self, now_ms: int, asked_at: float) -> None:
        """Notes what a reply said that has come just now, to what was asked at this monotonic time;
        the newest counts, whichever is later.
        """
        self._heard_ms, self._heard_at = now_ms, time.monotonic()
        self._under_way_ms = int((self._heard_at - asked_at) * 1000)

    def now_ms(self) -> int:
        """Unix milliseconds; those of this host before anything was heard."""
        if not self._heard_ms:
            return host_ms()
        return self._heard_ms + int((time.monotonic() - self._heard_at) * 1000)

    def skew_ms(self) -> int:
        """By how many ms it is ahead of this host's clock; 0 before anything was heard.

        Behind is what it is by more than the reply may have been under way: when this process has
        stood still, the reply is as old.
        """
        if not self._heard_ms:
            return 0
        skew_ms = self.now_ms() - host_ms()
        return skew_ms if skew_ms >= 0 else min(0, skew_ms + self._under_way_ms)


def host_ms() -> int:
    """This host's own clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class WorstSkew:
    """The largest difference, of either sign, between a sale's clock and this host's of late.

    One number for a process: to ask for it costs the same however many sales there are.
    """

    def __init__(self) -> None:
        self._ms = 0
        self._noted_at = float("-inf")

    def note(self, skew_ms: int) -> None:
        """What a sale has just heard; it counts for `SKEW_WINDOW_SECONDS`, then any newer does."""
        now = time.monotonic()
        if abs(skew_ms) >= abs(self._ms) or now - self._noted_at > SKEW_WINDOW_SECONDS:
            self._ms, self._noted_at = skew_ms, now

    def ms(self) -> int:
        return self._ms
