"""Reads the ledger's URL as an operator writes it, with its settings of encryption.

`?sslmode=` and `?sslrootcert=` mean what they mean to PostgreSQL's own programs, for MariaDB and
MySQL as well; `sslcert` and `sslkey` name the certificate of a client. The drivers take none of
them in a URL, so they are taken out of it here.

    disable        no encryption
    allow, prefer  encryption if the server offers it (PostgreSQL only; its default is prefer)
    require        encryption; the certificate is verified only where sslrootcert is given
    verify-ca      the certificate must come from an authority of sslrootcert, or of the system
    verify-full    and name the host that was asked for
"""

import ssl
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "mysql": "mysql+aiomysql",
    "mariadb": "mariadb+aiomysql",
}
_OPPORTUNISTIC: Final = ("allow", "prefer")
SSL_MODES: Final = ("disable", *_OPPORTUNISTIC, "require", "verify-ca", "verify-full")
_SSL_FILES: Final = ("sslrootcert", "sslcert", "sslkey")


def ledger_url(url: str) -> URL:
    """The URL with the driver that this service uses; ValueError for one that cannot be used."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("that is no URL such as postgresql://ledger/holdfast") from None
    family = parsed.drivername.partition("+")[0]
    if family not in _DRIVERS:
        raise ValueError(f"no ledger on {family!r}: sqlite, postgresql, mysql or mariadb")
    return parsed.set(drivername=_DRIVERS[family])


def sqlite_path(url: URL) -> Path:
    """The path of a SQLite ledger; ValueError for one in memory."""
    if url.database in (None, "", ":memory:"):
        raise ValueError("the ledger must be a file: memory is gone when the process is")
    return Path(url.database).absolute()


def take_encryption(url: URL) -> tuple[URL, dict[str, object]]:
    """The URL without its settings of encryption, and those as arguments of the driver.

    ValueError for an unknown mode or a file that cannot be read.
    """
    mode, files = _one(url, "sslmode"), {name: _one(url, name) for name in _SSL_FILES}
    rest = url.difference_update_query(["sslmode", *_SSL_FILES])
    if mode is None and not any(files.values()):
        return rest, {}
    mode = mode or "require"
    if mode not in SSL_MODES:
        raise ValueError(f"sslmode={mode}: it can be {', '.join(SSL_MODES)}")
    is_postgres = url.get_backend_name() == "postgresql"
    if mode == "disable":
        return rest, {"ssl": False if is_postgres else None}
    if mode in _OPPORTUNISTIC:
        if not is_postgres:
            raise ValueError(f"sslmode={mode} is PostgreSQL's alone: choose disable or require")
        return rest, {"ssl": mode}
    return rest, {"ssl": _context(mode, files)}


def _one(url: URL, name: str) -> str | None:
    value = url.query.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"{name} is given more than once")


def _context(mode: str, files: dict[str, str | None]) -> ssl.SSLContext:
    authority = files["sslrootcert"]
    try:
        context = ssl.create_default_context(cafile=authority)
        if files["sslcert"] is not None:
            context.load_cert_chain(files["sslcert"], files["sslkey"])
    except OSError as error:  # SSLError is one: the file is there, and no certificate
        named = " or ".join(path for path in files.values() if path is not None)
        raise ValueError(f"{named} cannot be used: {error.strerror or error}") from None
    context.check_hostname = mode == "verify-full"
    if mode == "require" and authority is None:
        context.verify_mode = ssl.CERT_NONE
    return context
