"""The service of a demo: `holdfast serve` in a process of its own, as an operator would run it.

A child process and not an application in the same loop, so that the crowd meets real sockets, real
workers and a real restart: when the service is killed during the rush, it is started again on the
same directory, and the audit at the end says what that cost.

Invariants: the service dies with the demo, even with a demo that was killed (see
`holdfast_lua.embedded.launcher`); restarts are bounded; the environment's own HOLDFAST_* settings
do not reach it, for a demo is embedded whatever the shell says.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

import aiohttp

from holdfast.config import ENV_PREFIX
from holdfast_loadtest.client import Client
from holdfast_loadtest.ports import is_free, unused_port
from holdfast_lua.embedded import launcher

LOG_FILE: Final = "service.log"
LOG_TAIL_LINES: Final = 15
READY_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.2
STOP_SECONDS: Final = 30.0
MAX_RESTARTS: Final = 5


class ServiceFailed(Exception):
    """The service did not start or ended too often; the message ends with the end of its log."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the service of a demo is run."""

    data_dir: Path
    host: str
    port: int
    workers: int
    shop_port: int | None = None
    """of a listener for the shop's server alone, in a process of its own"""
    operator_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def key_url(self) -> str:
        """Where the shop's server uses its key."""
        return self.url if self.shop_port is None else f"http://{self.host}:{self.shop_port}"

    def client(self, session: aiohttp.ClientSession, sale: str) -> Client:
        """A client for one sale, which calls each role at the address that serves it."""
        return Client(session, self.url, sale, shop_url=self.key_url)


class Service:
    """A running `holdfast serve`; leaving the context stops it."""

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self.restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._parent_pipe: tuple[int, int] | None = None
        self._log: IO[bytes] | None = None

    async def __aenter__(self) -> Self:
        self._parent_pipe = os.pipe()
        self._log = (self.options.data_dir / LOG_FILE).open("ab")
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def keep_running(self, note: Callable[[str], None]) -> None:
        """Restarts the service when it ends; ServiceFailed after `MAX_RESTARTS`."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            assert self._process is not None
            code = self._process.poll()
            if code is None:
                continue
            if self.restarts == MAX_RESTARTS:
                raise ServiceFailed(f"the service ended {MAX_RESTARTS + 1} times\n{self._tail()}")
            self.restarts += 1
            how = f"signal {-code}" if code < 0 else f"status {code}"
            note(f"the service ended ({how}); starting it again on the same directory")
            await self._start()
            note("the service is back")

    async def _start(self) -> None:
        assert self._parent_pipe is not None
        options = self.options
        serve = [
            *(sys.executable, "-m", "holdfast", "serve", "--host", options.host),
            *("--port", str(options.port), "--workers", str(options.workers)),
            *("--data-dir", str(options.data_dir)),
        ]
        self._process = self._launch(
            launcher.command(serve, self._parent_pipe[0], bind=launcher.CAN_BIND)
        )
        await self._until_ready()

    def _launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        assert self._parent_pipe is not None
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=self._environment(),
            pass_fds=(self._parent_pipe[0],),
            # Ctrl-C is for the demo, which then stops the service in good order.
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)
        }
        own = {f"{ENV_PREFIX}OPERATOR_KEY": self.options.operator_key}
        if self.options.shop_port is not None:
            own[f"{ENV_PREFIX}LISTEN_SHOP"] = f"{self.options.host}:{self.options.shop_port}"
        return kept | own

    async def _until_ready(self) -> None:
        assert self._process is not None
        until = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while time.monotonic() < until:
                if self._process.poll() is not None:
                    raise ServiceFailed(f"the service did not start\n{self._tail()}")
                if await _is_ready(session, self.options.url):
                    return
                await asyncio.sleep(POLL_SECONDS)
        raise ServiceFailed(f"not ready within {READY_SECONDS:.0f} s\n{self._tail()}")

    def _tail(self) -> str:
        text = (self.options.data_dir / LOG_FILE).read_text(errors="replace")
        return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])

    async def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._parent_pipe is not None:
            for end in self._parent_pipe:
                os.close(end)
            self._parent_pipe = None
        if self._log is not None:
            self._log.close()


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def free_port(host: str, wanted: int | None, preferred: int) -> int:
    """`wanted` when given (0: any), else `preferred`, else any free one."""
    candidate = preferred if wanted is None else wanted
    if candidate and is_free(host, candidate):
        return candidate
    if wanted:
        raise ServiceFailed(f"port {wanted} on {host} is taken; give another with --port")
    return unused_port(host)
