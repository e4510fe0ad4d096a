"""How often one address may fail to sign in.

API keys are too long to be guessed; but each failed attempt costs a lookup in the ledger and a line
in the log. Each worker counts for itself, for `ADDRESSES_MAX` addresses; the oldest is forgotten
first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

FAILURES_MAX: Final = 10
WINDOW_SECONDS: Final = 300.0
ADDRESSES_MAX: Final = 10_000


class AttemptCounter:
    """Counts failures by address; a window begins with the first one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def seconds_to_wait(self, address: str) -> int:
        """0 when the address may try, else the seconds until it may again."""
        began, failures = self._failed.get(address, (0.0, 0))
        left = began + WINDOW_SECONDS - self._clock()
        return int(left) + 1 if failures >= FAILURES_MAX and left > 0 else 0

    def fail(self, address: str) -> None:
        """Counts a failure."""
        now = self._clock()
        began, failures = self._failed.pop(address, (now, 0))
        if began + WINDOW_SECONDS <= now:
            began, failures = now, 0
        self._failed[address] = (began, failures + 1)
        while len(self._failed) > ADDRESSES_MAX:
            self._failed.popitem(last=False)

    def forget(self, address: str) -> None:
        """Forgets the failures of an address from which somebody has signed in."""
        self._failed.pop(address, None)
