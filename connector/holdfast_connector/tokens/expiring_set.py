"""A bounded set whose entries expire, for used hand-offs and ended sessions.

It belongs to one process. So it is a second check only: what must be unique over all processes is
decided by the service.
"""

from collections.abc import Callable
from threading import Lock

MAX_ENTRIES = 200_000
_SWEEP_MAX = 64


class ExpiringSet:
    """Names with a time of expiry, oldest first."""

    def __init__(self, clock: Callable[[], float], max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._ends: dict[str, float] = {}
        self._lock = Lock()

    def add(self, name: str, ends_at: float) -> bool:
        """Adds `name`; False when it is there already, or when the set is full."""
        with self._lock:
            self._remove_expired()
            if name in self._ends:
                return False
            if len(self._ends) >= self._max_entries:
                self._remove_expired(len(self._ends))
            if len(self._ends) >= self._max_entries:
                return False
            self._ends[name] = ends_at
            return True

    def __contains__(self, name: str) -> bool:
        return self._ends.get(name, 0.0) > self._clock()

    def __len__(self) -> int:
        return len(self._ends)

    def _remove_expired(self, at_most: int = _SWEEP_MAX) -> None:
        """Removes expired names among the oldest `at_most`."""
        now = self._clock()
        oldest = [name for name, _ in zip(self._ends, range(at_most), strict=False)]
        for name in oldest:
            if self._ends[name] <= now:
                del self._ends[name]
