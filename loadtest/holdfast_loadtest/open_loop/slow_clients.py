"""Clients that keep a server's connections and give it nothing to do.

    python -m holdfast_loadtest.open_loop.slow_clients HOST PORT PATH COUNT SECONDS

A third send a head byte by byte, a third a body, a third ask for PATH again and again and read no
answer. Each byte or request is sent a second after the one before. Prints how many connections the
server has ended, and how many seconds after the start the last of them ended, as JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import Final

PAUSE_SECONDS: Final = 1.0
SMALLEST_BUFFER: Final = 2_304
PIPELINED: Final = 50
HEAD: Final = b"GET %s HTTP/1.1\r\nHost: slow.example\r\nX-Slow: " + b"x" * 1_000
BODY: Final = (
    b"POST %s HTTP/1.1\r\nHost: slow.example\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)
WHOLE: Final = b"GET %s HTTP/1.1\r\nHost: slow.example\r\n\r\n"


class SlowClient:
    """One connection, and the bytes that are still to be sent, by the second."""

    def __init__(self, address: tuple[str, int], first: bytes, then: bytes) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER)
        self.socket.settimeout(PAUSE_SECONDS)
        self._first = first
        self._then = then
        try:
            self.socket.connect(address)
            self.socket.sendall(first)
        except OSError:
            self.is_open = False
        else:
            self.is_open = True
        self.socket.setblocking(False)

    def send(self) -> None:
        """The next piece; where the kernel takes no more, none."""
        try:
            self.socket.send(self._then)
        except BlockingIOError:
            pass
        except OSError:
            self.is_open = False


def make_clients(address: tuple[str, int], path: bytes, count: int) -> list[SlowClient]:
    """A third of each kind."""
    kinds = (
        (HEAD % path, b"x"),
        (BODY % path, b" "),
        (WHOLE % path * PIPELINED, WHOLE % path),
    )
    return [SlowClient(address, *kinds[number % len(kinds)]) for number in range(count)]


def main(arguments: Sequence[str]) -> None:
    """Keeps the connections for the time given."""
    host, port, path, count, seconds = arguments
    clients = make_clients((host, int(port)), path.encode(), int(count))
    start = time.monotonic()
    last_ended = 0.0
    with select.epoll() as epoll:
        by_fileno = {client.socket.fileno(): client for client in clients}
        for fileno in by_fileno:
            epoll.register(fileno, select.EPOLLRDHUP)  # and, unasked, errors: answers are not read
        next_pieces = start + PAUSE_SECONDS
        while (now := time.monotonic()) < start + float(seconds):
            for fileno, _ in epoll.poll(max(0.0, next_pieces - now)):
                by_fileno[fileno].is_open = False
                epoll.unregister(fileno)
                last_ended = time.monotonic() - start
            if time.monotonic() >= next_pieces:
                next_pieces += PAUSE_SECONDS
                for client in clients:
                    if client.is_open:
                        client.send()
    ended = sum(not client.is_open for client in clients)
    print(json.dumps({"clients": len(clients), "ended": ended, "last_ended_seconds": last_ended}))


if __name__ == "__main__":
    main(sys.argv[1:])
