"""Ends the intake of a listening socket without losing a connection that is under way.

A connection that is complete but not yet accepted is reset when the last handle of its listening
socket is closed, and with it a request that its client has sent already. So the intake is ended
first; then the workers accept who waits, and close. A unix socket loses its path. On TCP the kernel
has no call for this: a filter drops the first packet of every new connection, whose client repeats
it after a second and is refused then. Where there are no such filters a connection that comes in
the last microseconds is reset.

Sockets that live on after the service, as those of systemd, must not be given to `end_intake`,
which cannot be undone; their queue waits for the next process.
"""

import contextlib
import ctypes
import os
import socket
import struct
import sys
from typing import Final

_SO_ATTACH_FILTER: Final = 26
# Classic BPF over the TCP header: drop where SYN is set and ACK is not, else keep all.
_DROP_NEW: Final = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone: the next line, else the one after it
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # keep
)


def end_intake(sock: socket.socket) -> None:
    """Lets no new connection into the queue of `sock`, and closes this process's handle of it."""
    if sock.family == socket.AF_UNIX:
        with contextlib.suppress(OSError):
            os.unlink(sock.getsockname())
    elif sys.platform == "linux":
        with contextlib.suppress(OSError):
            _drop_new(sock)
    sock.close()


def _drop_new(sock: socket.socket) -> None:
    lines = b"".join(struct.pack("HBBI", *line) for line in _DROP_NEW)
    buffer = ctypes.create_string_buffer(lines)
    program = struct.pack("HP", len(_DROP_NEW), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
