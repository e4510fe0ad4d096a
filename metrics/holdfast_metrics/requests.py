"""Requests by route, method and status: both series of an answer behind one lookup.

Every answer adds to a counter and most to a histogram. Finding each by its label values takes
longer than both additions, so what was found is kept by what the caller has at hand anyway: the
route it was routed by. Routes, methods and statuses are bounded, so this is too.
"""

from collections.abc import Callable, Hashable

from holdfast_metrics.counts import Count, CountedBy, TalliedBy, Tally

_Series = tuple[Count, Tally | None]


class RequestCounts:
    """What `holdfast_requests_total` and `holdfast_request_seconds` take in."""

    def __init__(self, requests: CountedBy, seconds: TalliedBy) -> None:
        self._requests = requests
        self._seconds = seconds
        self._known: dict[tuple[Hashable, str, int], _Series] = {}

    def add(
        self,
        route: Hashable,
        method: str,
        status: int,
        seconds: float | None,
        pattern: Callable[[], str],
    ) -> None:
        """One answer. `pattern` tells the label of `route` when it is met first; a route whose
        answers have no `seconds` is counted only.
        """
        known = self._known.get((route, method, status))
        if known is None:
            known = self._find(pattern(), method, status, timed=seconds is not None)
            self._known[route, method, status] = known
        count, tally = known
        count.value += 1
        if tally is not None and seconds is not None:
            tally.observe(seconds)

    def _find(self, pattern: str, method: str, status: int, *, timed: bool) -> _Series:
        count = self._requests.labels(pattern, method, str(status))
        return count, self._seconds.labels(pattern) if timed else None
