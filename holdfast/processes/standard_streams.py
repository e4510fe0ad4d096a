"""Writes the parent's messages to its standard streams, whether these work or not.

A terminal may be closed, a pipe's reader gone, the disk behind a redirection full: none of that may
end the service. Lines are written unbuffered, so that nothing fails once more at exit.
"""

import os
import sys
from contextlib import suppress
from typing import Final

from holdfast.log_formatters import LOG_FORMATS, json_line

STDOUT: Final = 1
STDERR: Final = 2


_form = {STDERR: LOG_FORMATS[0]}


def set_log_format(log_format: str) -> None:
    """Gives lines to standard error the form of the workers' log from now on."""
    _form[STDERR] = log_format


def write_line(text: str, stream: int = STDERR) -> None:
    """Writes a line; an error is ignored."""
    if _form.get(stream) == "json":
        text = json_line(text, level="info", logger="holdfast")
    with suppress(OSError):
        os.write(stream, f"{text}\n".encode(errors="backslashreplace"))


def open_standard_streams() -> None:
    """Opens closed ones on /dev/null, else the next file or socket would take their place."""
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
    """Empties the buffers, which a fork would copy."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
