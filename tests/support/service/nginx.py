"""The recipes of deploy/nginx, run for real: over TLS, on free ports, with nothing else changed."""

import datetime
import ipaddress
import json
import os
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.http_servers import nginx
from support.ports import free_port
from support.service.running import Service
from support.services import Server, as_user, directory_for, serving

from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.problems import problem_response
from holdfast_web.roles.service_roles import ServiceRole

RECIPES = Path(__file__).parents[3] / "deploy" / "nginx"


Nodes = int | Sequence[int]
"""The ports of an upstream's servers."""


@dataclass(frozen=True)
class Certificate:
    """A certificate for this machine that only our own clients trust."""

    pem: Path
    key: Path

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.pem))


def problem(code: ErrorCode) -> Any:
    """The service's own document for this code."""
    text = problem_response(HoldfastError(code)).text
    assert text is not None
    return json.loads(text)


def make_certificate(directory: Path, address: str = "127.0.0.1") -> Certificate:
    """For localhost and an address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(address))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(directory / "localhost.pem", directory / "localhost.key")
    made.pem.write_bytes(signed.public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


@dataclass(frozen=True)
class Front:
    """The service behind nginx."""

    service: Service
    nginx: Server
    direct_url: str
    """The waiting room's listener, past nginx."""
    shop_port: int
    """Where nginx expects the shop's server and the operator."""
    log: Path
    """What nginx has written down about requests."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.nginx.port}"

    @property
    def shop_url(self) -> str:
        return f"https://localhost:{self.shop_port}"


@contextmanager
def service_recipe(
    port: int,
    certificate: Certificate | None,
    upstreams: Mapping[str, Nodes],
    *,
    shop_port: int | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """nginx with `deploy/nginx/holdfast.conf`; `upstreams` by role."""
    ports = {"holdfast_streams": upstreams["sales_floor"]}
    ports |= {f"holdfast_{role}": behind for role, behind in upstreams.items()}
    shop_port = shop_port or free_port()
    with recipe("holdfast.conf", port, certificate, ports, shop_port=shop_port, log=log) as server:
        yield server


def one_for_all(port: Nodes) -> dict[str, Nodes]:
    """The upstreams of a service that serves all roles at one port."""
    return dict.fromkeys((role.value for role in ServiceRole), port)


@contextmanager
def recipe(
    name: str,
    port: int,
    certificate: Certificate | None,
    upstreams: Mapping[str, Nodes],
    *,
    shop_port: int | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """nginx with `deploy/nginx/<name>`: what is marked CHANGE there is changed, no more.

    Without a certificate it speaks plain HTTP, for a benchmark whose client would pay for TLS.
    """
    # nginx's workers run as a user of their own, who must get at the cache.
    cache = Path(tempfile.mkdtemp(prefix="holdfast-nginx-"))
    cache.chmod(0o755)
    text = (RECIPES / name).read_text()
    for upstream, target in upstreams.items():
        nodes = "".join(f"server 127.0.0.1:{port}\\2;" for port in _ports(target))
        line = rf"(upstream {upstream} {{[^}}]*?)server 127\.0\.0\.1:\d+([^;]*);"
        text = _put(text, line, rf"\1{nodes}")
    servers = 1 if shop_port is None else 2
    text = _put(text, r"listen 443 ssl http2( [^;]*)?;", f"listen 127.0.0.1:{port} ssl http2;")
    if shop_port is not None:
        text = _put(text, r"listen 127\.0\.0\.1:8443 ssl;", f"listen 127.0.0.1:{shop_port} ssl;")
    text = _put(text, r"server_name \S+;", "server_name localhost;", servers)
    if certificate is None:
        text = _put(text, r"(listen \S+) ssl[^;]*;", r"\1;", servers)
        text = _put(text, r" +ssl_certificate(_key)? .*", "", 2 * servers)
    else:
        text = _put(text, r"(ssl_certificate +)/etc/\S+;", rf"\1{certificate.pem};", servers)
        text = _put(text, r"(ssl_certificate_key +)/etc/\S+;", rf"\1{certificate.key};", servers)
    text = text.replace("/var/cache/nginx/holdfast", str(cache / "kept"))
    text = text.replace("/var/log/nginx/holdfast.log", str(log or cache / "log"))
    text = text.replace("/var/log/nginx/holdfast-shop.log", str(cache / "shop-log"))
    text = text.replace("include holdfast-cache.conf", f"include {RECIPES}/holdfast-cache.conf")
    try:
        with nginx(text, port=port) as server:
            yield server
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def _ports(nodes: Nodes) -> Sequence[int]:
    return [nodes] if isinstance(nodes, int) else nodes


def _put(text: str, pattern: str, replacement: str, times: int = 1) -> str:
    changed, count = re.subn(pattern, replacement, text)
    assert count == times, pattern
    return changed


@contextmanager
def auth_program(port: int, **environ: str) -> Iterator[Server]:
    """`holdfast-auth` as a process of its own."""
    command = [sys.executable, "-m", "holdfast_connector", "--port", str(port)]
    kept = {name: "" for name in os.environ if name.startswith("HOLDFAST_")}
    with (
        directory_for(None) as directory,
        serving(
            as_user(None, command),
            port=port,
            directory=directory,
            environment={**kept, **environ},
        ) as server,
    ):
        yield server


@dataclass
class Upstream:
    """A server that says what it was asked."""

    port: int
    seen: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    """What it adds to its answers."""


async def _at_once(_: web.Request) -> None:
    """Nothing that an answer has to wait for."""


@asynccontextmanager
async def echo(
    before: Callable[[web.Request], Awaitable[None]] = _at_once,
) -> AsyncIterator[Upstream]:
    """An `Upstream` on a free port; `before` is awaited between a request and its answer."""
    runner = web.AppRunner(web.Application())
    upstream = Upstream(0)

    async def answer(request: web.Request) -> web.Response:
        said = {name.lower(): value for name, value in request.headers.items()}
        said |= {"": f"{request.method} {request.raw_path}", "body": await request.text()}
        upstream.seen.append(said)
        await before(request)
        return web.json_response(said, headers=upstream.headers)

    runner.app.router.add_route("*", "/{any:.*}", answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    upstream.port = runner.addresses[0][1]
    try:
        yield upstream
    finally:
        await runner.cleanup()
