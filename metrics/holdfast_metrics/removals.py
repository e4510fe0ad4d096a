"""The log of sales whose series were removed, in the directory of the workers' files.

Whoever deletes a sale appends its name here, and each worker takes the series out of its own files
when it next flushes. A file says how far it has followed the log, so a worker that ends before it
has leaves the rest to the next one of its slot.

    name, newline; a name is at most 63 characters, so a line is appended as a whole
"""

import os
from pathlib import Path


class Removals:
    """The log at `path`, which need not be there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, sale: str) -> None:
        """Adds a sale; raises OSError."""
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, f"{sale}\n".encode())
        finally:
            os.close(handle)

    def end(self) -> int:
        """Where the log ends at present; 0 without one."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def after(self, position: int) -> tuple[frozenset[str], int]:
        """The sales that were removed after a position, and where the log ends then."""
        if self.end() <= position:
            return frozenset(), position
        with self._path.open("rb") as log:
            log.seek(position)
            added = log.read()
        whole = added[: added.rfind(b"\n") + 1]
        return frozenset(whole.decode().split()), position + len(whole)
