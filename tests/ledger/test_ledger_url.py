"""What a ledger's URL says about encryption, kept by real servers."""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from support.service.nginx import make_certificate
from support.service.running import open_files
from support.services import (
    create_mariadb_database,
    create_postgres_database,
    directory_for,
    mariadb,
    postgresql,
    server_user,
)

from holdfast_ledger import Ledger, LedgerUnavailable
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.ledger_url import take_encryption

Servers = dict[str, tuple[Callable[[], str], Path]]
"""how to make a database, and the authority of its server's certificate, by the kind of server"""
ENCRYPTED = {
    "postgresql": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mariadb": "SELECT variable_value <> '' FROM information_schema.session_status"
    " WHERE variable_name = 'Ssl_cipher'",
}


def _connections() -> set[str]:
    """This process's own TCP sockets."""
    rows = [
        row.split()
        for family in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{family}").read_text().splitlines()[1:]
    ]
    return set(open_files(os.getpid())) & {f"socket:[{row[9]}]" for row in rows}


@pytest.fixture(autouse=True)
async def _closed_connections() -> AsyncIterator[None]:
    """Keeps the loop until encrypted connections are gone, which both sides have to close."""
    before = _connections()
    yield
    async with asyncio.timeout(10):
        while True:
            if not _connections() - before:
                return
            await asyncio.sleep(0.01)


@contextmanager
def certificate_of(name: str) -> Iterator[tuple[Path, Path]]:
    """A certificate and its key that the server's user may read."""
    user = server_user(name)
    with directory_for(user) as directory:
        made = make_certificate(directory)
        if user is not None:
            shutil.chown(made.key, user)
        made.key.chmod(0o600)
        yield made.pem, made.key


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with certificate_of("postgres") as (pem, key), certificate_of("mysql") as (pem2, key2):
        tls = ("ssl=on", f"ssl_cert_file={pem}", f"ssl_key_file={key}")
        with (
            postgresql(settings=tls) as first,
            mariadb(options=(f"--ssl-cert={pem2}", f"--ssl-key={key2}")) as second,
        ):
            yield {
                "postgresql": (lambda: create_postgres_database(first), pem),
                "mariadb": (lambda: create_mariadb_database(second), pem2),
            }


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, servers: Servers) -> tuple[str, Path]:
    """The URL of a fresh database by the name that its certificate has, and the authority."""
    make, authority = servers[request.param]
    url = make_url(make()).set(host="localhost")
    return url.render_as_string(hide_password=False), authority


def _with(url: str, **query: object) -> str:
    asked = make_url(url).update_query_dict({name: str(value) for name, value in query.items()})
    return asked.render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("mode", "encrypted"),
    [("disable", False), ("require", True), ("verify-ca", True), ("verify-full", True)],
)
async def test_connection_is_encrypted_as_the_url_says(
    server: tuple[str, Path], mode: str, encrypted: bool
) -> None:
    url, authority = server
    query = {"sslmode": mode}
    if mode.startswith("verify"):
        query["sslrootcert"] = str(authority)
    database = await Database.open(_with(url, **query))
    family = "postgresql" if database.family == "postgresql" else "mariadb"
    async with database.reading() as connection:
        assert bool(await connection.scalar(text(ENCRYPTED[family]))) is encrypted
    await database.close()


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_server_of_an_unknown_authority_is_not_talked_to(
    server: tuple[str, Path], mode: str
) -> None:
    with pytest.raises(LedgerUnavailable):
        await Ledger.open(_with(server[0], sslmode=mode))


async def test_authority_is_verified_though_only_encryption_is_required(
    server: tuple[str, Path], servers: Servers
) -> None:
    """As libpq has it: who names an authority wants it to count."""
    others = [authority for _, authority in servers.values() if authority != server[1]]
    with pytest.raises(LedgerUnavailable):
        await Ledger.open(_with(server[0], sslmode="require", sslrootcert=others[0]))


def test_name_is_verified_in_full_only() -> None:
    checked = {
        mode: take_encryption(make_url(f"postgresql://x/y?sslmode={mode}"))[1]["ssl"]
        for mode in ("require", "verify-ca", "verify-full")
    }
    contexts = {mode: made for mode, made in checked.items() if isinstance(made, ssl.SSLContext)}
    assert {mode: made.check_hostname for mode, made in contexts.items()} == {
        "require": False,
        "verify-ca": False,
        "verify-full": True,
    }
    assert contexts["require"].verify_mode is ssl.CERT_NONE
    assert contexts["verify-ca"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=on", "verify-full"),
        ("sslmode=require&sslmode=disable", "more than once"),
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
    ],
)
async def test_encryption_that_cannot_be_had_is_refused_by_name(query: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        await Ledger.open(f"postgresql://localhost/ledger?{query}")


async def test_mode_that_only_postgresql_has_is_refused_elsewhere() -> None:
    with pytest.raises(ValueError, match="prefer"):
        await Ledger.open("mariadb://localhost/ledger?sslmode=prefer")
