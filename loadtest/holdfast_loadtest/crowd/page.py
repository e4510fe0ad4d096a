"""What the waiting page works out for itself: the people ahead, and when to ask again.

Pure functions of the shared status document, after those of the page's own script, so that a crowd
asks about as often as real pages do: where the page takes the interval that the service gives each
visitor, a crowd reckons one from the document. Whether a claim makes sense, and whether all is
over, is read off the document's state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from holdfast_loadtest.crowd.profiles import VisitorProfile
from holdfast_loadtest.wire import Status

VIEW_EVERY_POLLS: Final = 8
POLL_JITTER: Final = 0.3
IMPATIENT_SECONDS: Final = 0.25
"""between two polls of who does not wait for the page, at least; with jitter, twice as long"""
POLLS_PER_WAIT: Final = 30
MIN_POLL_SECONDS: Final = 0.2
MAX_POLL_SECONDS: Final = 30.0
HIDDEN_SECONDS: Final = 55.0
"""what the service has its page rest at most while the tab is hidden; a test compares the two"""
HIDDEN_JITTER: Final = 0.2
REBUILT_JUMP: Final = 2**32
OVER: Final = frozenset({"sold_out", "closed"})
CLAIMABLE: Final = frozenset({"open", "draining"})
LAPSED: Final = frozenset({"lapsed", "expired"})


@dataclass(slots=True)
class ShownPosition:
    """The newest document accepted, its ETag, and the position computed from it."""

    status: Status | None = None
    etag: str | None = None
    ahead: int | None = None

    def accept(self, status: Status) -> bool:
        """Takes the document unless an older one; answers whether it was taken.

        After a store loss the line goes on from a checkpoint, and its revisions from a number far
        above: that is another history, in which the position is counted anew.
        """
        known = self.status
        if known is not None and status.revision < known.revision:
            return False
        if known is not None and status.revision - known.revision >= REBUILT_JUMP:
            self.ahead = None
        self.status = status
        return True


def users_ahead(number: int, status: Status) -> int:
    """How many are between the call frontier and `number`; numbers in published gaps are nobody."""
    missing = sum(
        max(0, min(last, number - 1) - max(first, status.serving + 1) + 1)
        for first, last in status.gaps
    )
    return max(0, number - status.serving - 1 - missing)


def poll_seconds(status: Status, ahead: int | None, profile: VisitorProfile) -> float:
    """How long a page rests: the service's interval, longer far back and while it is hidden."""
    if profile.impatient:
        return IMPATIENT_SECONDS * (1 + profile.poll_jitter)
    floor = max(status.refresh_interval_seconds, MIN_POLL_SECONDS)
    rate = status.admitted_per_minute or 0.0
    wait = ahead / rate * 60 if ahead and rate > 0 else 0.0
    rest = min(max(floor, wait / POLLS_PER_WAIT), max(floor, MAX_POLL_SECONDS))
    rest *= 1 + POLL_JITTER * profile.poll_jitter
    if profile.hides_the_tab:
        hidden = min(HIDDEN_SECONDS, wait / 3) * (1 - HIDDEN_JITTER * profile.poll_jitter)
        rest = max(rest, hidden)
    return rest
