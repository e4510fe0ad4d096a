"""What became of requests that were offered by a schedule."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

GOOD_SECONDS: Final = 1.0
ACCEPTED: Final = range(200, 300)

NO_CONNECTION: Final = "no connection"
"""As many connections as allowed waited for answers, or none could be made."""
SKIPPED: Final = "skipped"
"""The generator itself was late; the server is not to be blamed."""
LOST: Final = "lost"
"""The connection ended before the answer."""
GAVE_UP: Final = "gave up"
"""No answer within the client's patience."""


@dataclass(slots=True)
class Outcome:
    """Of one stream of requests: how each ended, and when those that were accepted were answered.

    Times are in seconds from the start; a latency counts from when the request was due.
    """

    seconds: float
    ends: Counter[str] = field(default_factory=Counter)
    """By status, or by one of the words above."""
    accepted_due: array[float] = field(default_factory=lambda: array("d"))
    accepted_latency: array[float] = field(default_factory=lambda: array("d"))

    def answered(self, status: str, due: float, latency: float) -> None:
        """Notes an answer."""
        self.ends[status] += 1
        if status[0] == "2":
            self.accepted_due.append(due)
            self.accepted_latency.append(latency)

    @property
    def offered(self) -> int:
        """Requests that were due, without those that the generator was too late for."""
        return self.ends.total() - self.skipped

    @property
    def skipped(self) -> int:
        """Requests that the generator was too late for."""
        return self.ends[SKIPPED]

    @property
    def good(self) -> int:
        """Requests that were answered 2xx within a second."""
        return sum(latency <= GOOD_SECONDS for latency in self.accepted_latency)

    @property
    def goodput(self) -> float:
        """Good answers, by the second."""
        return self.good / self.seconds

    @property
    def good_share(self) -> float:
        """The share of what was offered that was good; 0 when nothing was offered."""
        return self.good / self.offered if self.offered else 0.0

    @property
    def refused(self) -> dict[str, int]:
        """What ended otherwise than by a 2xx, without what the generator skipped."""
        return {
            end: count
            for end, count in sorted(self.ends.items())
            if end[0] != "2" and end != SKIPPED
        }

    def percentile_ms(self, share: float) -> float:
        """A percentile of the latencies of what was accepted; 0 when nothing was."""
        return percentile(self.accepted_latency, share) * 1000

    def windows(self, seconds: float = 1.0) -> Iterator[array[float]]:
        """Latencies of what was accepted, by the window of time in which it was due."""
        windows = [array("d") for _ in range(int(self.seconds / seconds))]
        for due, latency in zip(self.accepted_due, self.accepted_latency, strict=True):
            windows[min(len(windows) - 1, int(due / seconds))].append(latency)
        yield from windows


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are at most; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
