"""A bounded memory of what happened, each entry until its end: replays and ended sessions.

It lives in one process. That makes it a second line: what must be single over all processes is
asked of the service.
"""

from collections.abc import Callable
from threading import Lock

MAX_ENTRIES = 200_000
_SWEEP_MAX = 64


class Memory:
    """Names with an end, oldest first; forgotten when over."""

    def __init__(self, clock: Callable[[], float], max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._ends: dict[str, float] = {}
        self._lock = Lock()

    def add(self, name: str, ends_at: float) -> bool:
        """Remembers `name`; False when it is known already, or when nothing more can be kept."""
        with self._lock:
            self._sweep()
            if name in self._ends:
                return False
            if len(self._ends) >= self._max_entries:
                self._sweep(len(self._ends))
            if len(self._ends) >= self._max_entries:
                return False
            self._ends[name] = ends_at
            return True

    def __contains__(self, name: str) -> bool:
        return self._ends.get(name, 0.0) > self._clock()

    def __len__(self) -> int:
        return len(self._ends)

    def _sweep(self, at_most: int = _SWEEP_MAX) -> None:
        """Drops what is over, looking at the oldest entries only."""
        now = self._clock()
        oldest = [name for name, _ in zip(self._ends, range(at_most), strict=False)]
        for name in oldest:
            if self._ends[name] <= now:
                del self._ends[name]
