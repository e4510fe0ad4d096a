"""Nodes of one deployment behind a real nginx, which spreads requests over them.

nginx is set up as docs/nginx.md has it: connections to the nodes are kept, and a POST of which
anything was sent is not repeated. It names the node that has answered in `X-Node`.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from support.http_servers import nginx
from support.ports import free_port
from support.service.running import STOP_SECONDS, Service, StartService
from support.services import Server

OPERATOR_KEY = "k" * 40
NO_SHEDDING = {"HOLDFAST_SHED_AFTER_MS": "0"}
"""for tests of something else: on a slow machine requests wait long"""
NGINX = """
upstream holdfast {{
    include {servers};
    keepalive 64;
    keepalive_timeout 10s;
}}
server {{
    listen 127.0.0.1:{port};
    keepalive_timeout {client_seconds};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 2s;
    proxy_read_timeout 30s;
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 2;
    add_header X-Node $upstream_addr always;
    location / {{ proxy_pass http://holdfast; }}
}}
"""
# nginx leaves a node alone for this long after a failure, whose second it counts as a whole one.
SERVER = "server 127.0.0.1:{port} fail_timeout=1s{down};\n"
RELOAD_SECONDS = 10.0


class Urls(NamedTuple):
    """Store and ledger of all nodes."""

    store: str
    ledger: str


@dataclass
class Nodes:
    """The running nodes by their ports, and the address in front of them."""

    url: str
    nginx: Server
    servers: Path
    """nginx's list of them"""
    start: Callable[..., Service]
    """Starts the node of a port, in an environment with these additions."""
    running: dict[int, Service]

    def log(self) -> str:
        """What nginx had to complain about."""
        return self.nginx.log()

    async def replace(
        self, port: int, environ: Mapping[str, str], *, drained: bool = False
    ) -> None:
        """Stops a node and starts another in its place; nginx does not ask it if it is `drained`.

        An nginx that is reloaded closes its idle connections: their clients must keep none.
        """
        if drained:
            await asyncio.to_thread(self.reload, without=port)
        process = self.running[port].process
        process.terminate()
        assert await asyncio.to_thread(process.wait, STOP_SECONDS) == 0, self.running[port].text
        self.running[port] = await asyncio.to_thread(self.start, port, **environ)
        if drained:
            await asyncio.to_thread(self.reload)

    def reload(self, without: int | None = None) -> None:
        """Gives nginx the list of nodes anew; returns when its workers of before have ended."""
        write_servers(self.servers, self.running, without)
        master = self.nginx.process.pid
        children = Path(f"/proc/{master}/task/{master}/children")
        before = set(children.read_text().split())
        os.kill(master, signal.SIGHUP)
        until = time.monotonic() + RELOAD_SECONDS
        while not (after := set(children.read_text().split())) or after & before:
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)


def write_servers(path: Path, ports: Iterable[int], without: int | None = None) -> None:
    """Writes down the nodes for nginx, and which of them it shall not ask."""
    path.write_text(
        "".join(SERVER.format(port=port, down=" down" * (port == without)) for port in ports)
    )


@contextmanager
def balanced_nodes(
    start_service: StartService,
    directory: Path,
    urls: Urls,
    environ: Mapping[str, str],
    client_seconds: int = 75,
) -> Iterator[Nodes]:
    """Two nodes and an nginx, which keeps idle connections of clients for `client_seconds`.

    The nodes are ended by whoever has made `start_service`.
    """
    shared = {
        "HOLDFAST_STORE_URL": urls.store,
        "HOLDFAST_LEDGER_URL": urls.ledger,
        "HOLDFAST_PUBLIC_URL": "http://tickets.example",
        "HOLDFAST_SECRET": "s" * 40,
        "HOLDFAST_OPERATOR_KEY": OPERATOR_KEY,
        "HOLDFAST_TRUSTED_PROXIES": "127.0.0.1",
    }

    def start(port: int, **more: str) -> Service:
        return start_service(
            *("--port", str(port)), data_dir=directory / str(port), **{**shared, **more}
        )

    running = {port: start(port, **environ) for port in [free_port() for _ in range(2)]}
    front, servers = free_port(), directory / "servers.conf"
    write_servers(servers, running)
    config = NGINX.format(servers=servers, port=front, client_seconds=client_seconds)
    with nginx(config, port=front) as server:
        yield Nodes(f"http://127.0.0.1:{front}", server, servers, start, running)
