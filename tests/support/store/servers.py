"""Store servers on ports of their own, for tests that need more than one of them.

All run the binary of the embedded store, bound to this process so that none outlives it.
"""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.ports import free_cluster_port

from holdfast_lua.client.link import Address, LinkSettings
from holdfast_lua.client.probe import asking
from holdfast_lua.client.wire import Argument
from holdfast_lua.embedded import launcher
from holdfast_lua.embedded.files import find_binary

START_SECONDS = 20.0
PLAIN = ("--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0")
CLUSTERED = ("--cluster-enabled", "yes", *PLAIN)


def documented_rights() -> list[str]:
    """What docs/operations.md says that the store's user needs."""
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("ACL SETUSER holdfast"))
    return line.partition(">PASSWORD ")[2].split()


@dataclass(eq=False)
class Server:
    """A store server on a TCP port."""

    home: Path
    port: int = field(default_factory=free_cluster_port)
    process: subprocess.Popen[bytes] | None = None
    pipe: int | None = None
    binary: Path | None = None

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *arguments: str, plain_port: int | None = None) -> None:
        """Starts it and waits until it takes connections."""
        held, self.pipe = os.pipe()
        port = self.port if plain_port is None else plain_port
        own = ["--port", str(port), "--dir", str(self.home), "--bind", "127.0.0.1"]
        server = [str(self.binary or find_binary()), *arguments, *own]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                launcher.command(server, held, bind=launcher.CAN_BIND),
                pass_fds=(held,),
                stdout=log,
                stderr=log,
                cwd=self.home,
            )
        os.close(held)
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            ended = self.process.poll() is not None or time.monotonic() > deadline
            assert not ended, (self.home / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """Like a crash."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None

    async def ask(self, *question: Argument) -> object:
        async with asking(self.address, LinkSettings()) as client:
            reply: object = await client.execute_command(*question)  # type: ignore[no-untyped-call]
            return reply

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


MakeServer = Callable[..., Server]


@contextmanager
def servers_in(home: Path) -> Iterator[MakeServer]:
    """Gives a function that makes started servers, each in a directory of its own."""
    made: list[Server] = []

    def make(*arguments: str) -> Server:
        place = home / f"server-{len(made)}"
        place.mkdir()
        (place / "sentinel.conf").touch()
        server = Server(place)
        made.append(server)
        server.start(*(arguments or PLAIN))
        return server

    try:
        yield make
    finally:
        for server in made:
            server.kill()


async def form_cluster(make: MakeServer) -> list[Server]:
    """Three masters, the slots in thirds."""
    servers = [make(*CLUSTERED) for _ in range(3)]
    bounds = [0, 5461, 10923, 16384]
    for number, server in enumerate(servers):
        await server.ask("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        await server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for server in servers[1:]:
        await server.ask("CLUSTER", "MEET", "127.0.0.1", servers[0].port)
    for server in servers:
        await until_cluster_agrees(server)
    return servers


async def until_cluster_agrees(server: Server) -> None:
    """Waits until the server sees three masters and a healthy cluster."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            info = await server.ask("CLUSTER", "INFO")
            assert isinstance(info, bytes)
            if b"cluster_state:ok" in info and b"cluster_size:3" in info:
                return
            await asyncio.sleep(0.05)  # gossip between real servers: nothing to drive
