"""A file of series in prometheus-client's format, written by one worker and read by every scrape.

    int32 used, int32 removals, then entries up to `used`:
    int32 length, key of that length, spaces up to the next multiple of 8, value, timestamp

`removals` is ours, where the library has padding: how far the file has followed the log of removed
sales (see removals). Series are removed by writing the file anew and renaming it, so a reader has
the old file or the new one.

The library maps such files into memory. Writing to a mapped page for which there is no room is
not an error but SIGBUS, which ends the worker and each that replaces it. With `pwrite` it is an
error, which costs the sample: the value is kept in memory, so that the next write that succeeds
brings the series up to date.

Each file is locked by its worker (`flock`), so that another one may write it anew once that worker
has ended.

Invariant: `used` is written after the entry that it covers, and a file gets its name when it has
its header, so a reader never sees half of either.
"""

import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from holdfast_metrics.library import entries_of, sale_of
from holdfast_metrics.removals import Removals

_HEADER: Final = struct.Struct("ii")
_LENGTH: Final = struct.Struct("i")
_NUMBERS: Final = struct.Struct("dd")
_LOCK_TRIES: Final = 20
_LOCK_PAUSE_SECONDS: Final = 0.005


class SeriesFile:
    """The series of one kind of one worker; the next worker of its slot goes on with the file."""

    def __init__(
        self, path: Path, dropped: Callable[[OSError], None], removals: Removals | None = None
    ) -> None:
        self._path = path
        self._dropped = dropped
        self._removals = removals or Removals(path.with_name("removals"))
        self._handle = -1
        self._used = _HEADER.size
        self._positions: dict[str, int] = {}
        self._found: dict[str, float] = {}

    def enter(self, key: str) -> float:
        """Adds the series and returns its first value: 0, or that of an earlier worker."""
        try:
            self._open()
            if key not in self._positions:
                self._add(key, 0.0, 0.0)
        except OSError as fault:
            self._dropped(fault)
        return self._found.pop(key, 0.0)

    def write(self, key: str, value: float, timestamp: float) -> None:
        """Writes the value for scrapes; reports a failure to `dropped`."""
        try:
            self._open()
            position = self._positions.get(key)
            if position is None:
                self._add(key, value, timestamp)
            else:
                _put(self._handle, _NUMBERS.pack(value, timestamp), position)
        except OSError as fault:
            self._dropped(fault)

    def follow_removals(self) -> None:
        """Takes the series of sales out that were removed since the file was last written anew."""
        if self._handle < 0:
            return
        try:
            self._take_over(self._handle)
        except OSError as fault:
            self._dropped(fault)

    def _open(self) -> None:
        if self._handle >= 0:
            return
        try:
            handle = _lock_own(self._path)
        except FileNotFoundError:
            handle = write_anew(self._path, _HEADER.pack(_HEADER.size, self._removals.end()))
        self._take_over(handle)

    def _take_over(self, handle: int) -> None:
        """Goes on with what the file has, less what was removed."""
        handle = without_removed(handle, self._path, self._removals)
        self._used, _ = _HEADER.unpack(os.pread(handle, _HEADER.size, 0))
        is_new, self._handle = self._handle < 0, handle
        self._positions.clear()
        for key, value, _, position in entries_of(self._path):
            self._positions[key] = position
            if is_new:
                self._found[key] = value

    def _add(self, key: str, value: float, timestamp: float) -> None:
        entry = _entry(key, value, timestamp)
        _put(self._handle, entry, self._used)
        _put(self._handle, _LENGTH.pack(self._used + len(entry)), 0)
        self._used += len(entry)
        self._positions[key] = self._used - _NUMBERS.size


def _put(handle: int, content: bytes, position: int) -> None:
    if os.pwrite(handle, content, position) != len(content):
        # A file takes less than it was given when that filled its device.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def lock_file(path: Path) -> int | None:
    """Opens and locks a file of series; None when it is locked. Raises FileNotFoundError."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
        os.close(handle)  # it was written anew meanwhile


def _lock_own(path: Path) -> int:
    """Opens a file of one's own, which another worker may be writing anew for a moment."""
    for _ in range(_LOCK_TRIES):
        handle = lock_file(path)
        if handle is not None:
            return handle
        time.sleep(_LOCK_PAUSE_SECONDS)
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


def without_removed(handle: int, path: Path, removals: Removals) -> int:
    """The locked file without the series of sales that were removed, written anew if it has any."""
    _, followed = _HEADER.unpack(os.pread(handle, _HEADER.size, 0))
    removed, end = removals.after(followed)
    if not removed:
        return handle
    content = _without(path, removed)
    anew = write_anew(path, _HEADER.pack(_HEADER.size + len(content), end) + content)
    os.close(handle)
    return anew


def write_anew(path: Path, content: bytes) -> int:
    """Writes a file that has its name once it is whole; returns it open and locked."""
    unnamed = path.with_suffix(".new")
    handle = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _put(handle, content, 0)
        unnamed.rename(path)
    except OSError:
        os.close(handle)
        raise
    return handle


def _without(path: Path, removed: Collection[str]) -> bytes:
    entries = entries_of(path)
    return b"".join(
        _entry(key, value, at) for key, value, at, _ in entries if sale_of(key) not in removed
    )


def _entry(key: str, value: float, timestamp: float) -> bytes:
    name = key.encode()
    padding = 8 - (len(name) + _LENGTH.size) % 8
    return _LENGTH.pack(len(name)) + name + b" " * padding + _NUMBERS.pack(value, timestamp)
