"""Counts requests by route, method and status, with one lookup for both series of a response.

Finding each by its label values takes longer than adding to both, so they are kept by the matched
route. Routes, methods and statuses are bounded, so this is too.
"""

from collections.abc import Callable, Hashable

from holdfast_metrics.counts import Count, LabelledCounter, LabelledHistogram, Tally

_Series = tuple[Count, Tally | None]


class RequestCounts:
    """Adds to `holdfast_requests_total` and `holdfast_request_seconds`."""

    def __init__(self, requests: LabelledCounter, seconds: LabelledHistogram) -> None:
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
        """Counts one response, and observes its `seconds` unless None: all responses of a route
        have them, or none. `pattern` gives the label of `route` at its first use.
        """
        known = self._known.get((route, method, status))
        if known is None:
            label = pattern()
            tally = None if seconds is None else self._seconds.labels(label)
            known = self._requests.labels(label, method, str(status)), tally
            self._known[route, method, status] = known
        count, tally = known
        count.value += 1
        if tally is not None and seconds is not None:
            tally.observe(seconds)
