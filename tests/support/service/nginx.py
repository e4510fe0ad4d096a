"""The recipes of deploy/nginx, run for real: over TLS, on free ports, with nothing else changed."""

import datetime
import ipaddress
import os
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.service.running import Service
from support.services import Server, as_user, directory_for, nginx, serving

RECIPES = Path(__file__).parents[3] / "deploy" / "nginx"


@dataclass(frozen=True)
class Certificate:
    """A certificate for localhost that only our own clients trust."""

    pem: Path
    key: Path

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.pem))


def make_certificate(directory: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
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
    """Past nginx."""
    log: Path
    """What nginx has written down about requests."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.nginx.port}"


@contextmanager
def recipe(
    name: str,
    port: int,
    certificate: Certificate,
    upstreams: dict[str, int],
    log: Path | None = None,
) -> Iterator[Server]:
    """nginx with `deploy/nginx/<name>`: what is marked CHANGE there is changed, no more."""
    # nginx's workers run as a user of their own, who must get at the cache.
    cache = Path(tempfile.mkdtemp(prefix="holdfast-nginx-"))
    cache.chmod(0o755)
    text = (RECIPES / name).read_text()
    for upstream, target in upstreams.items():
        text = _put(text, rf"(upstream {upstream} {{\s+server 127\.0\.0\.1):\d+;", rf"\1:{target};")
    text = _put(text, r"listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;")
    text = _put(text, r"server_name \S+;", "server_name localhost;")
    text = _put(text, r"(ssl_certificate +)/etc/\S+;", rf"\1{certificate.pem};")
    text = _put(text, r"(ssl_certificate_key +)/etc/\S+;", rf"\1{certificate.key};")
    text = text.replace("/var/cache/nginx/holdfast", str(cache / "kept"))
    text = text.replace("/var/log/nginx/holdfast.log", str(log or cache / "log"))
    text = text.replace("include holdfast-cache.conf", f"include {RECIPES}/holdfast-cache.conf")
    try:
        with nginx(text, port=port) as server:
            yield server
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def _put(text: str, pattern: str, replacement: str) -> str:
    changed, count = re.subn(pattern, replacement, text)
    assert count == 1, pattern
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


@asynccontextmanager
async def echo() -> AsyncIterator[Upstream]:
    """An `Upstream` on a free port."""
    runner = web.AppRunner(web.Application())
    upstream = Upstream(0)

    async def answer(request: web.Request) -> web.Response:
        said = {name.lower(): value for name, value in request.headers.items()}
        said |= {"": f"{request.method} {request.raw_path}", "body": await request.text()}
        upstream.seen.append(said)
        return web.json_response(said, headers=upstream.headers)

    runner.app.router.add_route("*", "/{any:.*}", answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.port = runner.addresses[0][1]
    try:
        yield upstream
    finally:
        await runner.cleanup()
