"""What visitors waited, against what they were promised.

Numbers are given in the order of joining and called in their order, so the history of `joined` says
when each number joined, and the calls say when it was called. Whoever joined before the opening has
waited from then on. Each point of the history is one visitor, who stands for all that joined since
the point before.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.report.event_scan import CalledRange
from holdfast.report.sale_history import SaleHistory

ROWS_MAX: Final = 60
SHARES: Final = (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class JoinWait:
    """The wait of one visitor, in seconds, and how many joined about then."""

    joined_ms: int
    visitors: int
    seconds: float
    promised: float | None


@dataclass(frozen=True, slots=True)
class WaitRow:
    """The waits of those who joined in one stretch of time: seconds by quantile."""

    joined_ms: int
    visitors: int
    p50: float
    p90: float
    promised: float | None
    """the mean of what they were promised"""


def join_waits(
    history: SaleHistory, calls: Sequence[CalledRange], opened_ms: int
) -> list[JoinWait]:
    """The wait of one visitor for each point at which somebody had joined and was called."""
    lasts = [call.last for call in calls]
    promises = history.of("promised_seconds")
    found = []
    before = 0.0
    for at, joined in enumerate(history.of("joined")):
        if joined is None or joined <= before:
            continue
        place = bisect_left(lasts, joined)
        joined_ms = max(history.start_ms + at * history.step_ms, opened_ms)
        if place < len(calls):
            seconds = max(0, calls[place].at_ms - joined_ms) / 1000
            promised = promises[at] if at < len(promises) else None
            found.append(JoinWait(joined_ms, round(joined - before), seconds, promised))
        before = joined
    return found


def wait_rows(waits: Sequence[JoinWait]) -> list[WaitRow]:
    """The waits in at most `ROWS_MAX` stretches, in the order of joining."""
    size = -(-len(waits) // ROWS_MAX) or 1
    return [_row(waits[at : at + size]) for at in range(0, len(waits), size)]


def quantile(waits: Sequence[JoinWait], share: float) -> float | None:
    """The wait that this share of all visitors did not exceed; None without any."""
    ordered = sorted(waits, key=lambda wait: wait.seconds)
    due = share * sum(wait.visitors for wait in ordered)
    passed = 0
    for wait in ordered:
        passed += wait.visitors
        if passed >= due:
            return wait.seconds
    return None


def promise_error(waits: Sequence[JoinWait]) -> float | None:
    """By how many seconds the median promise was missed, whichever way; None without promises."""
    errors = [
        JoinWait(wait.joined_ms, wait.visitors, abs(wait.seconds - wait.promised), None)
        for wait in waits
        if wait.promised is not None
    ]
    return quantile(errors, SHARES[0])


def _row(waits: Sequence[JoinWait]) -> WaitRow:
    p50, p90 = (quantile(waits, share) or 0.0 for share in SHARES)
    promised = [(w.promised, w.visitors) for w in waits if w.promised is not None]
    visitors = sum(weight for _, weight in promised)
    mean = sum(seconds * weight for seconds, weight in promised) / visitors if visitors else None
    return WaitRow(waits[0].joined_ms, sum(w.visitors for w in waits), p50, p90, mean)
