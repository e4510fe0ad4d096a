"""What the parent says on its standard streams, whoever listens or does not.

A terminal may be closed, a pipe's reader gone, the disk behind a redirection full, or the streams
closed from the start: none of that ends a service. Lines are written at once and by themselves, so
that nothing is left in a buffer that would fail again at the end.
"""

import os
import sys
from contextlib import suppress
from typing import Final

STDOUT: Final = 1
STDERR: Final = 2


def tell(text: str, stream: int = STDERR) -> None:
    """Writes a line, or does without."""
    with suppress(OSError):
        os.write(stream, f"{text}\n".encode(errors="backslashreplace"))


def open_standard_streams() -> None:
    """Opens those that are closed on nothing: the next file or socket would become one of them."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is None:
        sys.stdout = open(STDOUT, "w", closefd=False)  # noqa: SIM115 - for good
    if sys.stderr is None:
        sys.stderr = open(STDERR, "w", closefd=False)  # noqa: SIM115 - for good


def flush() -> None:
    """Leaves nothing in the buffers that a fork would copy."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
