"""The service under test: `holdfast serve` on a data directory of its own, and requests to it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from redis import Redis

from bench.kit.clocks import Clock, process_clock, this_process
from holdfast_loadtest.http_bytes import request_bytes
from holdfast_loadtest.ports import unused_port
from holdfast_loadtest.processes import children, command_line

HOST: Final = "127.0.0.1"
SALE: Final = "bench"
BASE: Final = f"/v1/sales/{SALE}"
READY_SECONDS: Final = 60.0
JSON: Final = {"Content-Type": "application/json"}
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
CALLED_SECONDS: Final = 60.0
PRICE: Final = 1000
AREA: Final = {"id": "floor", "name": "Floor", "capacity": 1_000_000, "category": "GA"}
QUEUED: Final[dict[str, Any]] = {
    "name": "Benchmark",
    "new_users_per_minute": 1,
    "burst": 1,
    "prices": {"GA": PRICE},
    "areas": [AREA],
}
"""settings of a sale of an area in which everybody waits"""
UNHINDERED: Final[dict[str, Any]] = {
    "name": "Benchmark",
    "new_users_per_minute": 600_000,
    "burst": 100_000,
    "total_active_users": 100_000,
    "max_units_per_buyer": 1_000,
}
"""settings of a sale in which nobody waits"""


class Service:
    """The service under test, by its URL and key."""

    def __init__(self, port: int, key: str, parent: int, data_dir: Path) -> None:
        self.port = port
        self.data_dir = data_dir
        self.key = key
        self._parent = parent

    def at(self, port: int) -> Service:
        """The same service at another of its listeners."""
        return Service(port, self.key, self._parent, self.data_dir)

    @property
    def workers(self) -> list[int]:
        """Process ids; the store's is not among them."""
        return [pid for pid in children(self._parent) if b"serve" in command_line(pid)]

    @property
    def worker(self) -> int:
        """The process id of its one worker."""
        workers = self.workers
        if len(workers) != 1:
            raise SystemExit(f"one worker was expected, not {len(workers)}")
        return workers[0]

    @property
    def socket(self) -> Path:
        """Where its embedded store listens."""
        return self.data_dir / "store" / "run.sock"

    @property
    def store(self) -> Redis:
        """A connection to its embedded store."""
        return Redis(unix_socket_path=str(self.socket))

    @property
    def clocks(self) -> dict[str, Clock]:
        """Processor time of this process, of the workers, and of the store."""
        workers = [process_clock(pid) for pid in self.workers]
        with self.store as store:
            pid = int(store.info("server")["process_id"])
        return {
            "client": this_process,
            "service": lambda: sum(clock() for clock in workers),
            "store": process_clock(pid),
        }

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        data = None if body is None else json.dumps(body).encode()
        sent = bearer(self.key) if headers is None else headers
        request = urllib.request.Request(
            f"http://{HOST}:{self.port}{path}", data, JSON | sent, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - to ourselves
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, dict(refusal.headers), refusal.read()

    def expect(self, method: str, path: str, body: object = None) -> Any:
        """What an operator's request is answered; SystemExit where it is refused."""
        status, _, answer = self.call(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer.decode()}")
        return json.loads(answer)

    def join(self, base: str = BASE) -> dict[str, Any]:
        """A visitor takes a place: the ticket, and the pass where nobody waits."""
        ticket: dict[str, Any] = json.loads(self.call("POST", base + "/tickets", {}, {})[2])
        return ticket

    def await_calls(self, base: str = BASE) -> None:
        """Waits until everybody who has joined is called."""
        end = time.monotonic() + CALLED_SECONDS
        while time.monotonic() < end:
            status = self.expect("GET", base + "/status")
            if status["serving"] >= status["issued"]:
                return
            time.sleep(0.1)
        raise SystemExit("the visitors were not called")


def bearer(token: str) -> dict[str, str]:
    """The header that shows a pass or a key."""
    return {"Authorization": f"Bearer {token}"}


def json_request(
    method: str, path: str, headers: Mapping[str, str] = NOTHING, body: object = None
) -> bytes:
    """A request as it goes over the wire."""
    if body is None:
        return request_bytes(method, path, HOST, dict(headers))
    return request_bytes(method, path, HOST, {**JSON, **headers}, json.dumps(body).encode())


def free_port() -> int:
    return unused_port(HOST)


@contextmanager
def running_service(
    sale: Mapping[str, Any] | None,
    waiting: int = 0,
    workers: int = 1,
    settings: Mapping[str, str] = NOTHING,
    module: str = "holdfast",
) -> Iterator[Service]:
    """`holdfast serve` with a sale, if one is given, and a line of waiting visitors."""
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory,
        serving(Path(directory), workers, settings, module) as service,
    ):
        if sale is not None:
            service.expect("PUT", BASE, sale)
        for _ in range(waiting):
            service.join()
        yield service


@contextmanager
def serving(
    directory: Path,
    workers: int = 1,
    settings: Mapping[str, str] = NOTHING,
    module: str = "holdfast",
) -> Iterator[Service]:
    """`holdfast serve` on a data directory, new or used before.

    `settings` are further ones, by their environment variables; `module` has the command line.
    """
    key, port = secrets.token_urlsafe(24), free_port()
    environment = {name: value for name, value in os.environ.items() if "HOLDFAST" not in name}
    directory.mkdir(exist_ok=True)
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", module, "serve"),
                *("--port", str(port), "--data-dir", str(directory), "--workers", str(workers)),
            ],
            env=environment | {"HOLDFAST_OPERATOR_KEY": key, **settings},
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
