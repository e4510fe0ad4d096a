"""A file of series in prometheus-client's format, written by one worker and read by every scrape.

    int32 used, 4 bytes of padding, then entries up to `used`:
    int32 length, key of that length, spaces up to the next multiple of 8, value, timestamp

The library maps such files into memory. Writing to a mapped page for which there is no room is
not an error but SIGBUS, which ends the worker and each that replaces it. With `pwrite` it is an
error, which costs the sample: the value is kept in memory, so that the next write that succeeds
brings the series up to date.

Invariant: `used` is written after the entry that it covers, and a file gets its name when it has
its header, so a reader never sees half of either.
"""

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast_metrics.library import entries_of

_HEADER: Final = struct.Struct("i4x")
_LENGTH: Final = struct.Struct("i")
_NUMBERS: Final = struct.Struct("dd")


class SeriesFile:
    """The series of one kind of one worker; the next worker of its slot goes on with the file."""

    def __init__(self, path: Path, dropped: Callable[[OSError], None]) -> None:
        self._path = path
        self._dropped = dropped
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
                self._put(_NUMBERS.pack(value, timestamp), position)
        except OSError as fault:
            self._dropped(fault)

    def _open(self) -> None:
        if self._handle >= 0:
            return
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            handle = self._create()
        else:
            self._go_on(handle)
        self._handle = handle

    def _create(self) -> int:
        unnamed = self._path.with_suffix(".new")
        handle = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _put(handle, _HEADER.pack(_HEADER.size), 0)
            unnamed.rename(self._path)
        except OSError:
            os.close(handle)
            raise
        return handle

    def _go_on(self, handle: int) -> None:
        (self._used,) = _HEADER.unpack(os.pread(handle, _HEADER.size, 0))
        for key, value, _, position in entries_of(self._path):
            self._positions[key] = position
            self._found[key] = value

    def _add(self, key: str, value: float, timestamp: float) -> None:
        name = key.encode()
        padding = 8 - (len(name) + _LENGTH.size) % 8
        key_part = _LENGTH.pack(len(name)) + name + b" " * padding
        entry = key_part + _NUMBERS.pack(value, timestamp)
        self._put(entry, self._used)
        self._put(_LENGTH.pack(self._used + len(entry)), 0)
        self._used += len(entry)
        self._positions[key] = self._used - _NUMBERS.size

    def _put(self, content: bytes, position: int) -> None:
        _put(self._handle, content, position)


def _put(handle: int, content: bytes, position: int) -> None:
    if os.pwrite(handle, content, position) != len(content):
        # A file takes less than it was given when that filled its device.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
