"""Restarts the embedded store when it dies.

The parent does its other work while the store reads its files: `run_due` is called every fraction
of a second. When a start fails the next one comes after a pause, which doubles up to
`MAX_PAUSE_SECONDS`.
"""

import time
from collections.abc import Callable
from typing import Final

from holdfast.processes.standard_streams import write_line
from holdfast_lua.embedded.store import EmbeddedStore
from holdfast_lua.errors import StoreError

FIRST_PAUSE_SECONDS: Final = 0.5
MAX_PAUSE_SECONDS: Final = 5.0


class StoreSupervisor:
    """Watches the embedded store for the parent of the workers."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self._pause = 0.0
        self._start_after = 0.0
        self.pid = store.pid
        """process id of the store that was started last, whether it still runs or not"""

    def restart_if_dead(self, run_due: Callable[[], None]) -> None:
        """Starts the store again if it has died; it reads its data from its append-only file."""
        if self._store.running or time.monotonic() < self._start_after:
            return
        write_line("the embedded store ended; starting it again")
        try:
            self._store.start(run_due)
        except (StoreError, OSError) as error:
            # Workers answer 503 meanwhile.
            self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
            write_line(f"the embedded store does not start: {error}")
        else:
            self._pause = FIRST_PAUSE_SECONDS
        self._start_after = time.monotonic() + self._pause
        self.pid = self._store.pid
