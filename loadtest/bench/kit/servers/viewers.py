"""Viewers of a seat map: a process of its own that opens streams of changes and reads all of them.

    python -m bench.kit.servers.viewers PORT TARGET COUNT

Prints `ready` when every stream has begun; then, for each line on standard input, the bytes that
have arrived since. Ends with its input.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.kit.service import HOST
from holdfast_loadtest.http_bytes import request_bytes

READ_BYTES: Final = 256 * 1024
BEGUN: Final = b"HTTP/1.1 200 "


class Viewers:
    """The streams of another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def arrived(self) -> int:
        """The bytes that have arrived since this was asked last."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def watching(port: int, target: str, count: int) -> Iterator[Viewers]:
    """Opens so many streams of `target`, a path with its query, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.kit.servers.viewers", str(port), target, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the streams did not begin")
        yield Viewers(process)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def opened(port: int, target: str) -> socket.socket:
    """A stream that has begun."""
    link = socket.create_connection((HOST, port), 30)
    link.sendall(request_bytes("GET", target, HOST, {"Accept": "text/event-stream"}))
    head = link.recv(READ_BYTES)
    if not head.startswith(BEGUN):
        raise SystemExit(f"a stream was refused: {head[:200]!r}")
    return link


def read_all(links: list[socket.socket]) -> None:
    """Reads until standard input ends."""
    waiting, buffer, arrived = select.epoll(), bytearray(READ_BYTES), 0
    by_number = {link.fileno(): link for link in links}
    for number in (*by_number, sys.stdin.fileno()):
        waiting.register(number, select.EPOLLIN)
    while True:
        for number, _ in waiting.poll():
            if number in by_number:
                got = by_number[number].recv_into(buffer)
                if not got:
                    raise SystemExit("a stream ended")
                arrived += got
            elif sys.stdin.readline():
                print(arrived, flush=True)
                arrived = 0
            else:
                return


def main() -> None:
    """The command line."""
    port, target, count = sys.argv[1:]
    links = [opened(int(port), target) for _ in range(int(count))]
    print("ready", flush=True)
    read_all(links)


if __name__ == "__main__":
    main()
