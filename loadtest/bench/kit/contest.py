"""Servers asked the same over HTTP in turns: the service, and a bare server beside it."""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bench.kit.clocks import Clock, Meter, Sample, process_clock, this_process
from bench.kit.command import Recorder
from bench.kit.results import Aim
from bench.kit.service import BASE, HOST, READY_SECONDS, Service, free_port
from bench.kit.turns import Comparison, Side, Turn
from holdfast_loadtest.http_bytes import end_of_answer, request_bytes

NOT_MODIFIED: Final = 304
SHED: Final = "503"
MAX_ANSWER_BYTES: Final = 65_536
BARE, OURS = "bare server", "Holdfast"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request."""

    name: str
    method: str
    route: str
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def bytes(self) -> bytes:
        return request_bytes(self.method, BASE + self.route, HOST, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Contestant:
    """Where to ask, and whose processor time to count."""

    port: int
    clocks: Mapping[str, Clock]

    @classmethod
    def of(cls, service: Service) -> Contestant:
        return cls(service.port, service.clocks)

    def turn_of(
        self, requests: bytes | Iterator[bytes], options: argparse.Namespace, status: int = 200
    ) -> Turn:
        """A turn in which one request is sent again and again, or one after the other."""
        if isinstance(requests, bytes):
            requests = itertools.repeat(requests)
        return lambda: turn(self, requests, options, status)

    @classmethod
    def beside(cls, service: Service, port: int, pid: int) -> Contestant:
        """Another server, which uses the service's store."""
        return cls(port, {**service.clocks, "service": process_clock(pid)})


def add_options(seconds: float, connections: int = 32) -> Callable[[argparse.ArgumentParser], None]:
    """The options of a contest, with these defaults."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float, default=seconds, help="of each turn")
        parser.add_argument("--connections", type=int, default=connections)

    return add


async def beside_bare(
    recorder: Recorder,
    service: Service,
    kind: Kind,
    options: argparse.Namespace,
    *,
    aim: float,
    ours: Turn,
) -> None:
    """Compares a turn of the service with one of a bare server that sends the same bytes."""
    with yardstick(service, kind) as bare:
        sides = [Side(BARE, bare.turn_of(kind.bytes, options, kind.status)), Side(OURS, ours)]
        await recorder.compare(Comparison(kind.name, BARE, sides, aims=[Aim(OURS, aim)]))


def turn(
    contestant: Contestant,
    requests: Iterator[bytes],
    options: argparse.Namespace,
    status: int,
    mostly: float = 1.0,
) -> Sample:
    """Lets a contestant answer for some seconds; the requests never end.

    What a busy service sheds is refused and not counted. Raises SystemExit unless `mostly` of the
    other answers have the status.
    """
    with connections(contestant.port, options.connections) as links:
        statuses: Counter[str] = Counter()
        with Meter(contestant.clocks) as meter:
            end = time.perf_counter() + options.seconds
            while time.perf_counter() < end:
                statuses.update(burst(links, requests))
    done = statuses[str(status)]
    if done < mostly * (statuses.total() - statuses[SHED]):
        raise SystemExit(f"answered {dict(statuses)}, {status} was expected")
    return meter.sample(done, statuses.total() - done)


@contextmanager
def connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Opens so many connections to a server of this machine."""
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection((HOST, port))) for _ in range(count)]


def burst(links: list[socket.socket], requests: Iterable[bytes]) -> Iterator[str]:
    """Sends a request on each connection, all at once, then yields the statuses of the answers.

    Waiting for the last answer first means being woken once. A client that waits for each of them
    is woken by every answer of a slow server and by few of a fast one, and to wake somebody costs
    the server more than the request: two programs would be compared by that.
    """
    for link, request in zip(links, requests, strict=False):
        link.sendall(request)
    for link in reversed(links):
        answer = link.recv(MAX_ANSWER_BYTES)
        if not answer.startswith(b"HTTP/1.1 "):
            raise SystemExit(f"an answer in pieces, or none: {answer[:80]!r}")
        yield answer[9:12].decode()


def exchange(links: Sequence[socket.socket], requests: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Sends requests on as many connections at once; status and body of each answer."""
    for link, request in zip(links, requests, strict=False):
        link.sendall(request)
    return [_whole_answer(link) for link in links[: len(requests)]]


def _whole_answer(link: socket.socket) -> tuple[str, bytes]:
    buffer = b""
    while end_of_answer(buffer) is None:
        read = link.recv(MAX_ANSWER_BYTES)
        if not read:
            raise SystemExit(f"an answer broke off: {buffer[:80]!r}")
        buffer += read
    return buffer[9:12].decode(), buffer[buffer.index(b"\r\n\r\n") + 4 :]


@contextmanager
def yardstick(service: Service, kind: Kind) -> Iterator[Contestant]:
    """Starts bare.py, which answers what the service answers."""
    answer = json.dumps(_answer_of(service, kind)).encode()
    with server_process("bench.kit.servers.bare", told=answer) as (port, pid):
        yield Contestant(port, {"client": this_process, "service": process_clock(pid)})


@contextmanager
def server_process(module: str, *arguments: str, told: bytes = b"") -> Iterator[tuple[int, int]]:
    """A server, in a process of its own, that is told something on standard input.

    Its first argument is the port. Answers the port and the process id.
    """
    port = free_port()
    command = [sys.executable, "-m", module, str(port), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        assert process.stdin is not None
        process.stdin.write(told)
        process.stdin.close()
        _wait_for_port(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def _answer_of(service: Service, kind: Kind) -> dict[str, Any]:
    """A real answer, for the yardstick to repeat."""
    body = json.loads(kind.body) if kind.body else None
    status, headers, answer = service.call(kind.method, BASE + kind.route, body, kind.headers)
    if kind.status == NOT_MODIFIED:
        known = {"If-None-Match": headers["ETag"]}
        status, headers, answer = service.call(kind.method, BASE + kind.route, None, known)
    if status != kind.status:
        raise SystemExit(f"{kind.name}: {status} {answer.decode()}")
    return {
        "method": kind.method,
        "route": kind.route,
        "status": status,
        "headers": headers,
        "body": answer.decode(),
    }


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("a server beside the service did not start")
