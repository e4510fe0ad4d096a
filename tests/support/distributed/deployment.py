"""Three nodes behind nginx, a replicated store and a replicated database, each on its own host."""

import re
import secrets
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.distributed.cluster_store import ClusterStore
from support.distributed.database import ReplicatedDatabase, replicated_database
from support.distributed.programs import Program, listens, wait_for
from support.distributed.sentinel_store import SentinelStore
from support.distributed.stores import ReplicatedStore
from support.network.hosts import Host, Network, network
from support.service.nginx import RECIPES, Certificate, make_certificate
from support.services import program

NODES: Final = 3
NODE_PORT: Final = 8080
NODE_SHOP_PORT: Final = 8081
FRONT_SHOP_PORT: Final = 8443
LEDGER_HOST: Final = 200
"""the number of the address that moves with the primary database"""
CROWD_HOSTS: Final = range(210, 222)
"""of the crowd's addresses: nginx bounds what comes from one"""

MakeStore = Callable[[Network, Path], ReplicatedStore]


@dataclass
class Deployment:
    """All of it, running."""

    store: ReplicatedStore
    database: ReplicatedDatabase
    nodes: list[Program]
    front: Program
    certificate: Certificate
    operator_key: str
    addresses: list[str]
    """those that the crowd comes from"""

    @property
    def url(self) -> str:
        return f"https://{self.front.host.address}"

    @property
    def shop_url(self) -> str:
        """Where the shop's server and the operator come in."""
        return f"{self.url}:{FRONT_SHOP_PORT}"

    def is_settled(self) -> bool:
        """Whether the next fault would find everything whole."""
        return (
            all(is_ready(node) for node in self.nodes)
            and self.store.is_settled()
            and self.database.replicates("sync")
        )

    def tails(self, lines: int) -> str:
        """The last output of every program."""
        programs = [*self.nodes, self.front, *self.store.programs, *self.database.programs]
        return "\n".join(f"{one.name} ({one.host.address}):\n{one.tail(lines)}" for one in programs)


def sentinel_store(network: Network, home: Path) -> ReplicatedStore:
    servers, sentinels = [[network.add_host() for _ in range(3)] for _ in range(2)]
    return SentinelStore(servers, sentinels, home)


def cluster_store(network: Network, home: Path) -> ReplicatedStore:
    return ClusterStore([network.add_host() for _ in range(6)], home)


@contextmanager
def deployment(make_store: MakeStore, home: Path) -> Iterator[Deployment]:
    """Everything started and ready, and ended afterwards."""
    with ExitStack() as stack:
        hosts = stack.enter_context(network())
        store = make_store(hosts, home)
        stack.callback(_end, store.programs)
        store.start()
        servers = [hosts.add_host() for _ in range(2)]
        database = stack.enter_context(replicated_database(servers, hosts.address(LEDGER_HOST)))
        homes = [hosts.add_host() for _ in range(NODES)]
        front = hosts.add_host()
        certificate = make_certificate(home, front.address)
        environ = {
            "HOLDFAST_STORE_URL": store.url,
            "HOLDFAST_LEDGER_URL": database.url,
            "HOLDFAST_SECRET": secrets.token_hex(32),
            "HOLDFAST_OPERATOR_KEY": (key := secrets.token_hex(32)),
            "HOLDFAST_PUBLIC_URL": f"https://{front.address}",
            "HOLDFAST_TRUSTED_PROXIES": f"{front.address}/32",
        }
        nodes = [_node(host, number, home, environ) for number, host in enumerate(homes)]
        stack.callback(_end, nodes)
        for node in nodes:
            node.start()
        entrance = stack.enter_context(_front(front, homes, certificate, home))
        addresses = [hosts.add_local_address(number) for number in CROWD_HOSTS]
        made = Deployment(store, database, nodes, entrance, certificate, key, addresses)
        wait_for(made.is_settled, "the deployment is whole")
        yield made


def _end(programs: Sequence[Program]) -> None:
    for one in programs:
        one.kill()


def _node(host: Host, number: int, home: Path, environ: dict[str, str]) -> Program:
    place = home / f"node-{number}"
    serve = [sys.executable, "-m", "holdfast", "serve", "--host", host.address]
    command = [*serve, "--port", str(NODE_PORT), "--data-dir", str(place / "data")]
    shop = {"HOLDFAST_LISTEN_SHOP": f"{host.address}:{NODE_SHOP_PORT}"}
    return Program(place.name, host, place, command, {**environ, **shop})


def is_ready(node: Program) -> bool:
    try:
        address = f"http://{node.host.address}:{NODE_PORT}/readyz"
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def _front(
    host: Host, nodes: list[Host], certificate: Certificate, home: Path
) -> Iterator[Program]:
    """nginx with the recipe of deploy/nginx: what is marked CHANGE there is changed, no more."""
    binary = program("nginx", "nginx")
    # nginx's workers run as a user of their own, who must get at the cache.
    cache = Path(tempfile.mkdtemp(prefix="holdfast-nginx-"))
    cache.chmod(0o755)
    text = (RECIPES / "holdfast.conf").read_text()
    for upstream in ("room", "sales_floor", "streams", "shop", "operator"):
        port = NODE_SHOP_PORT if upstream == "shop" else NODE_PORT
        servers = "".join(rf"server {node.address}:{port}\2;" for node in nodes)
        line = rf"(upstream holdfast_{upstream} {{[^}}]*?)server 127\.0\.0\.1:\d+([^;]*);"
        text, found = re.subn(line, rf"\1{servers}", text)
        assert found == 1, upstream
    text = text.replace("listen 127.0.0.1:8443", f"listen {FRONT_SHOP_PORT}")
    text = text.replace("allow 127.0.0.0/8;", f"allow {host.address}/24;")
    text = re.sub(r"(ssl_certificate +)/etc/\S+;", rf"\1{certificate.pem};", text)
    text = re.sub(r"(ssl_certificate_key +)/etc/\S+;", rf"\1{certificate.key};", text)
    text = text.replace("/var/cache/nginx/holdfast", str(cache / "kept"))
    text = text.replace("/var/log/nginx/holdfast", str(cache / "log"))
    text = text.replace("include holdfast-cache.conf", f"include {RECIPES}/holdfast-cache.conf")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {cache}/{kind};" for kind in kinds)
    config = cache / "nginx.conf"
    config.write_text(
        f"daemon off; pid {cache}/nginx.pid; error_log stderr warn; worker_processes 1;\n"
        f"events {{ worker_connections 512; }}\nhttp {{ {temporary}\n{text}\n}}\n"
    )
    command = [binary, "-p", str(cache), "-e", "stderr", "-c", str(config)]
    front = Program("nginx", host, home / "nginx", command)
    front.start()
    try:
        wait_for(lambda: listens(host, 443), "nginx listens")
        yield front
    finally:
        front.kill()
        shutil.rmtree(cache, ignore_errors=True)
