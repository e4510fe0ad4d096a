"""Leadership: one worker of a node does the housekeeping, by a file lock.

Sweeping overdue holds, settling stuck orders and taking checkpoints are safe to do twice, even on
another node, but wasteful. The kernel gives the lock to one worker and frees it when that worker
ends, however it ends. Only workers of the node's leading group try to take it: the one that the
crowd reaches least (holdfast/worker_groups.py).

Rejected: electing through the store. It needs leases, and the housekeeping would stop when the
store is in trouble.
"""

import fcntl
import os
from pathlib import Path

LEADER_FILE = "leader.lock"


class Leadership:
    """The lock by which this worker may lead its node."""

    def __init__(self, data_dir: Path, *, candidate: bool = True) -> None:
        self._candidate = candidate
        self._handle = os.open(data_dir / LEADER_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held = False

    def held(self) -> bool:
        """Whether this worker leads; tries to take the lock while it does not."""
        if not self._candidate:
            return False
        if not self._held:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._held = True
            except BlockingIOError:
                return False
        return True

    def close(self) -> None:
        """Releases the lock, so that another worker leads."""
        os.close(self._handle)
        self._held = False
