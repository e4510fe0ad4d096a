"""Two programs asked the same in turns: a running service, and a bare server beside it.

A shared machine drifts, so one side's figure means nothing without the other's of the same minute;
what the two took is compared round by round (see docs/performance.md for the method).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast_loadtest.hammer import request_bytes

HOST: Final = "127.0.0.1"
SALE: Final = "bench"
BASE: Final = f"/v1/sales/{SALE}"
PATTERN: Final = "/v1/sales/{sale}"
READY_SECONDS: Final = 60.0
NOT_MODIFIED: Final = 304
MAX_ANSWER_BYTES: Final = 65_536
JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request: how it is made, and the ratio aimed at."""

    name: str
    method: str
    route: str
    status: int
    headers: dict[str, str]
    body: bytes
    aim: float

    @property
    def bytes(self) -> bytes:
        return request_bytes(self.method, BASE + self.route, HOST, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Contestant:
    """Where to ask, and whose processor time to count."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What one contestant did in one round."""

    per_second: float
    cpu_us: float
    statuses: Counter[str]


class Service:
    """The service under test, by its URL and key."""

    def __init__(self, port: int, key: str, parent: int, data_dir: Path) -> None:
        self.port = port
        self.data_dir = data_dir
        self.key = key
        self._parent = parent

    @property
    def contestant(self) -> Contestant:
        """Its one worker; the store's processor time is not the server's."""
        children = Path(f"/proc/{self._parent}/task/{self._parent}/children").read_text().split()
        workers = [pid for pid in children if b"\0serve\0" in _command(pid)]
        if len(workers) != 1:
            raise SystemExit(f"one worker was expected, not {len(workers)}")
        return Contestant(self.port, int(workers[0]))

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.key}"} if headers is None else headers
        request = urllib.request.Request(
            f"http://{HOST}:{self.port}{path}", data, JSON | sent, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - to ourselves
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, dict(refusal.headers), refusal.read()

    def expect(self, method: str, path: str, body: object = None) -> bytes:
        status, _, answer = self.call(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer.decode()}")
        return answer


def parser(doc: str | None, *, rounds: int, seconds: float) -> argparse.ArgumentParser:
    """The command line of a contest, with these defaults."""
    made = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument("--seconds", type=float, default=seconds)
    made.add_argument("--connections", type=int, default=32)
    return made


def _command(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_service(settings: dict[str, Any], waiting: int = 0) -> Iterator[Service]:
    """`holdfast serve` with one worker, a sale, and a line of waiting visitors."""
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory,
        serving(Path(directory)) as service,
    ):
        service.expect("PUT", BASE, settings)
        for _ in range(waiting):
            service.call("POST", BASE + "/tickets", {}, {})
        yield service


@contextmanager
def serving(directory: Path) -> Iterator[Service]:
    """`holdfast serve` with one worker on a data directory, new or used before."""
    key, port = secrets.token_urlsafe(24), free_port()
    environment = {name: value for name, value in os.environ.items() if "HOLDFAST" not in name}
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "holdfast", "serve"),
                *("--port", str(port), "--data-dir", str(directory), "--workers", "1"),
            ],
            env=environment | {"HOLDFAST_OPERATOR_KEY": key},
            stdout=log,
            stderr=log,
        )
    try:
        service = Service(port, key, process.pid, directory)
        _wait_until_ready(service, process)
        yield service
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(service: Service, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if service.call("GET", "/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not become ready")


@contextmanager
def yardstick(service: Service, kind: Kind) -> Iterator[Contestant]:
    """bare.py on a port of its own, answering what the service answers."""
    given = [_answer_of(service, kind)]
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parents[1] / "bare.py"), str(port)],
        stdin=subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(given).encode())
        process.stdin.close()
        _wait_for_port(port)
        yield Contestant(port, process.pid)
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
        "pattern": PATTERN + kind.route,
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
    raise SystemExit("the yardstick did not start")


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have used so far; Linux numbers its clocks by process."""
    return time.clock_gettime((~pid << 3) | 2)


def turn(contestant: Contestant, requests: Iterable[bytes], options: argparse.Namespace) -> Turn:
    """One contestant's share of a round; the requests never end."""
    requests = iter(requests)
    with ExitStack() as stack:
        links = [
            stack.enter_context(socket.create_connection((HOST, contestant.port)))
            for _ in range(options.connections)
        ]
        before, started = cpu_seconds(contestant.pid), time.perf_counter()
        statuses: Counter[str] = Counter()
        while (seconds := time.perf_counter() - started) < options.seconds:
            statuses.update(burst(links, requests))
        used = cpu_seconds(contestant.pid) - before
    return Turn(statuses.total() / seconds, used / statuses.total() * 1e6, statuses)


def burst(links: list[socket.socket], requests: Iterable[bytes]) -> Iterator[str]:
    """One request on each connection, all at once; then the answers' statuses.

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


def compared(pairs: list[tuple[Turn, Turn]]) -> str:
    """One line on what the service took beside the yardstick, and how many it answered."""
    cpu = [statistics.median(turn.cpu_us for turn in side) for side in zip(*pairs, strict=True)]
    rate = [
        statistics.median(turn.per_second for turn in side) for side in zip(*pairs, strict=True)
    ]
    return (
        f"cpu {cpu[0]:4.0f} us, bare {cpu[1]:4.0f}"
        f"  ratio {spread([bare.cpu_us / our.cpu_us for our, bare in pairs])}"
        f" | {rate[0]:6,.0f}/s, bare {rate[1]:6,.0f}"
        f"  ratio {spread([our.per_second / bare.per_second for our, bare in pairs])}"
    )


def spread(ratios: list[float]) -> str:
    """The median ratio, with the lowest and the highest."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
