"""Keeps the embedded store running beside the workers.

A store that died is started again, which takes as long as reading its files back in does. The
parent goes on with its other work meanwhile: `attend` is called every fraction of a second. A store
that does not start is tried again, ever more slowly.
"""

import time
from collections.abc import Callable
from typing import Final

from holdfast.processes.standard_streams import tell
from holdfast_lua.embedded.store import EmbeddedStore
from holdfast_lua.errors import StoreError

FIRST_PAUSE_SECONDS: Final = 0.5
MAX_PAUSE_SECONDS: Final = 5.0


class StoreKeeper:
    """The one process beside the workers that the parent looks after."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self._pause = 0.0
        self._start_after = 0.0
        self.pid = store.pid
        """of the store that was started last, dead or alive"""

    def keep(self, attend: Callable[[], None]) -> None:
        """Starts the store again if it died; its append-only file brings the data back."""
        if self._store.running or time.monotonic() < self._start_after:
            return
        tell("the embedded store ended; starting it again")
        try:
            self._store.start(attend)
        except (StoreError, OSError) as error:
            # Workers answer 503 meanwhile.
            self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
            tell(f"the embedded store does not start: {error}")
        else:
            self._pause = FIRST_PAUSE_SECONDS
        self._start_after = time.monotonic() + self._pause
        self.pid = self._store.pid
