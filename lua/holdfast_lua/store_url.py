"""Store addresses: one URL form for every kind of deployment.

    redis://[user:password@]host[:port][/database]        valkey:// is the same
    rediss://...                                          TLS; ?ca=<file> trusts a private authority
    unix:///path/to/socket[?db=0]
    redis+sentinel://[user:password@]host[:port],host[:port]/master[?db=0][&sentinel_password=..]
    redis+cluster://[user:password@]host[:port],host[:port]      rediss+... for both with TLS

The password never appears in a representation, a log line or an error message.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from holdfast_lua.errors import StoreSetupError
from holdfast_lua.link import Address, LinkSettings

Kind = Literal["standalone", "sentinel", "cluster"]

DEFAULT_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
_KINDS: Final[dict[str, Kind]] = {"": "standalone", "sentinel": "sentinel", "cluster": "cluster"}
_FORM: Final = "redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A parsed store address."""

    kind: Kind
    addresses: tuple[Address, ...]
    username: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    master: str = ""
    tls: bool = False
    ca: str = ""
    sentinel_password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> StoreUrl:
        """Reads a URL; raises StoreSetupError that says what is wrong without quoting it."""
        parts = urlsplit(url)
        scheme, _, flavour = parts.scheme.partition("+")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if scheme == "unix":
            address = Address(path=unquote(parts.path))
            return cls("standalone", (address,), database=_database(options.get("db", "0")))
        if scheme not in ("redis", "rediss", "valkey", "valkeys") or flavour not in _KINDS:
            raise StoreSetupError(f"the store URL must start with {_FORM}")
        kind = _KINDS[flavour]
        userinfo, _, hosts = parts.netloc.rpartition("@")
        username, _, password = userinfo.partition(":")
        path = unquote(parts.path.strip("/"))
        if kind == "sentinel" and not path:
            raise StoreSetupError("a sentinel URL ends with the master's name: .../mymaster")
        database = options.get("db", path if kind == "standalone" and path else "0")
        return cls(
            kind,
            _addresses(hosts, kind),
            username=unquote(username),
            password=unquote(password),
            database=_database(database),
            master=path if kind == "sentinel" else "",
            tls=scheme in ("rediss", "valkeys"),
            ca=options.get("ca", ""),
            sentinel_password=options.get("sentinel_password", ""),
        )

    def link_settings(self) -> LinkSettings:
        """How links to the store itself are opened."""
        return LinkSettings(
            username=self.username,
            password=self.password,
            database=self.database,
            tls=self.tls_context(),
            require_master=self.kind == "sentinel",
        )

    def sentinel_settings(self) -> LinkSettings:
        """How links to the sentinels are opened."""
        return LinkSettings(password=self.sentinel_password, tls=self.tls_context())

    def tls_context(self) -> ssl.SSLContext | None:
        """Verifies the store against the system's authorities, or the one named in the URL."""
        return ssl.create_default_context(cafile=self.ca or None) if self.tls else None

    def __str__(self) -> str:
        """For logs: never the password."""
        return f"{self.kind} store at {', '.join(map(str, self.addresses))}"


def _database(text: str) -> int:
    if not text.isdigit():
        raise StoreSetupError("the database in the store URL must be a number")
    return int(text)


def _addresses(hosts: str, kind: Kind) -> tuple[Address, ...]:
    default = SENTINEL_PORT if kind == "sentinel" else DEFAULT_PORT
    found = []
    for host in hosts.split(","):
        try:
            one: SplitResult = urlsplit(f"//{host}")
            found.append(Address(one.hostname or "127.0.0.1", one.port or default))
        except ValueError:
            raise StoreSetupError("the store URL has a port that is not a number") from None
    if len(found) > 1 and kind == "standalone":
        raise StoreSetupError("a store URL with several hosts needs +sentinel or +cluster")
    return tuple(found)
