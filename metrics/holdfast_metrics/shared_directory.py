"""A directory in shared memory that lives as long as the service.

A full disk does not affect its files. Without access to shared memory it is made in a directory of
the caller's instead.

Each is locked by its owner (`flock`, which the kernel drops with the last process of the service),
so one that can be locked was left by a service that was killed, and is removed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what is made there is ours alone (0700)
_ATTEMPTS: Final = 3


@contextmanager
def shared_directory(
    fallback: Path, *, shared_memory: Path = SHARED_MEMORY, prefix: str = "holdfast-metrics"
) -> Iterator[Path]:
    """A new directory of mode 0700, removed at the end. Raises OSError when none can be made."""
    name = f"{prefix}-{os.getuid()}-"
    try:
        path, lock = _make(shared_memory, name)
    except OSError:
        path, lock = _make(fallback, name)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _make(parent: Path, name: str) -> tuple[Path, int]:
    """A new directory and the open lock on it; directories without an owner are removed."""
    for left in parent.glob(f"{name}*"):
        with suppress(OSError):
            _remove(left)
    for _ in range(_ATTEMPTS):
        path = Path(tempfile.mkdtemp(prefix=name, dir=parent))
        # Another service that starts may remove it before it is locked.
        with suppress(FileNotFoundError, BlockingIOError):
            lock = _lock(path)
            if path.exists():
                return path, lock
            os.close(lock)
    raise FileNotFoundError(f"directories in {parent} disappear")


def _remove(path: Path) -> None:
    lock = _lock(path)
    try:
        shutil.rmtree(path)
    finally:
        os.close(lock)


def _lock(path: Path) -> int:
    """Locks a directory; raises BlockingIOError when it has an owner."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
