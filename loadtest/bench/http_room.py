"""How much of a bare aiohttp server the waiting room gives its visitors: status poll, own view,
join.

    python loadtest/bench/http_room.py [--rounds 5] [--seconds 3] [--connections 32]

Starts `holdfast serve --workers 1` with an embedded store in a temporary directory, lets a line
form, and takes one real answer of each kind. Then service and yardstick (bare.py, the same bytes)
are hammered in turns, because a shared machine drifts; the ratio of a round is what counts, and the
median over the rounds is reported. Ratios hold between machines, requests per second do not.
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop

from holdfast_loadtest.hammer import NextRequest, Outcome, hammer, request_bytes

HOST: Final = "127.0.0.1"
SALE: Final = "bench"
BASE: Final = f"/v1/sales/{SALE}"
PATTERN: Final = "/v1/sales/{sale}"
WAITING: Final = 2_000
READY_SECONDS: Final = 60.0
JSON: Final = {"Content-Type": "application/json"}
SETTINGS: Final[dict[str, Any]] = {
    "name": "Benchmark",
    "new_users_per_minute": 1,
    "burst": 1,
    "prices": {"GA": 1000},
    "areas": [{"id": "floor", "name": "Floor", "capacity": 1_000_000, "category": "GA"}],
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request: how it is made, and the ratio aimed at."""

    name: str
    method: str
    route: str
    headers: dict[str, str]
    body: bytes
    aim: float

    @property
    def bytes(self) -> bytes:
        return request_bytes(self.method, BASE + self.route, HOST, self.headers, self.body)


class Service:
    """The service under test, by its URL and key."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self._key = key

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self._key}"} if headers is None else headers
        request = urllib.request.Request(
            f"http://{HOST}:{self.port}{path}", data, JSON | sent, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, dict(refusal.headers), refusal.read()

    def expect(self, method: str, path: str, body: object = None) -> bytes:
        status, _, answer = self.call(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer.decode()}")
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_service() -> Iterator[Service]:
    """`holdfast serve` with one worker, and a line of waiting visitors."""
    key, port = secrets.token_urlsafe(24), free_port()
    environment = {name: value for name, value in os.environ.items() if "HOLDFAST" not in name}
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory:
        with (Path(directory) / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "holdfast", "serve"),
                    *("--port", str(port), "--data-dir", directory),
                ],
                env=environment | {"HOLDFAST_OPERATOR_KEY": key},
                stdout=log,
                stderr=log,
            )
        try:
            service = Service(port, key)
            _wait_until_ready(service, process)
            service.expect("PUT", BASE, SETTINGS)
            for _ in range(WAITING):
                service.call("POST", BASE + "/tickets", {}, {})
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


def kinds_of(service: Service) -> list[Kind]:
    """What is measured; the ticket is a real one."""
    _, _, joined = service.call("POST", BASE + "/tickets", {}, {})
    ticket = {"Holdfast-Ticket": json.loads(joined)["ticket"]}
    _, headers, _ = service.call("GET", BASE + "/status", None, {})
    return [
        Kind("status poll", "GET", "/status", {}, b"", 0.85),
        Kind("status poll, 304", "GET", "/status", {"If-None-Match": headers["ETag"]}, b"", 0.85),
        Kind("visitor's view", "GET", "/ticket", ticket, b"", 0.65),
        Kind("join", "POST", "/tickets", JSON, b"{}", 0.5),
    ]


@contextmanager
def yardstick(service: Service, kind: Kind) -> Iterator[int]:
    """bare.py on a port of its own, answering what the service answers."""
    body = None if not kind.body else json.loads(kind.body)
    status, headers, answer = service.call(kind.method, BASE + kind.route, body, kind.headers)
    given = {
        "method": kind.method,
        "pattern": PATTERN + kind.route,
        "status": status,
        "headers": headers,
        "body": answer.decode(),
    }
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("bare.py")), str(port)],
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps([given]).encode())
    process.stdin.close()
    try:
        _wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


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


def _run(port: int, request: bytes, options: argparse.Namespace) -> Outcome:
    following: NextRequest = lambda: request  # noqa: E731 - a constant, called
    return uvloop.run(
        hammer(HOST, port, following, seconds=options.seconds, connections=options.connections)
    )


def measure(service: Service, kind: Kind, options: argparse.Namespace) -> None:
    """Rounds of service and yardstick in turns; prints one line."""
    with yardstick(service, kind) as bare_port:
        ratios, ours, theirs = [], [], []
        for _ in range(options.rounds):
            mine = _run(service.port, kind.bytes, options)
            bare = _run(bare_port, kind.bytes, options)
            ratios.append(mine.per_second() / bare.per_second())
            ours.append(mine)
            theirs.append(bare)
    statuses = "+".join(sorted({status for one in ours for status in one.statuses}))
    print(
        f"{kind.name:<18} {statuses:>8}  "
        f"{statistics.median(one.per_second() for one in ours):>8,.0f}/s  "
        f"bare {statistics.median(one.per_second() for one in theirs):>8,.0f}/s  "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})  "
        f"aim {kind.aim:.2f}  p99 {statistics.median(o.percentile_ms(0.99) for o in ours):.1f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with ExitStack() as stack:
        service = stack.enter_context(running_service())
        for kind in kinds_of(service):
            measure(service, kind, options)


if __name__ == "__main__":
    main()
