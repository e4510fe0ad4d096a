"""One worker of a node does the housekeeping that all could do.

Sweeping overdue holds, settling stuck orders and taking checkpoints are safe to do twice, on
another node even, only wasteful. So a file lock is enough: the kernel gives it to one worker and
frees it when that worker ends, however it ends. Rejected: electing through the store. It would
need leases, and it would stop the housekeeping when the store is in trouble.
"""

import fcntl
import os
from pathlib import Path

LEADER_FILE = "leader.lock"


class Leadership:
    """This worker's claim to lead its node."""

    def __init__(self, data_dir: Path) -> None:
        self._handle = os.open(data_dir / LEADER_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held = False

    def held(self) -> bool:
        """Whether this worker leads; asks the kernel only while it does not."""
        if not self._held:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._held = True
            except BlockingIOError:
                return False
        return True

    def close(self) -> None:
        """Let another worker lead."""
        os.close(self._handle)
        self._held = False
