"""Store addresses: one URL form for every kind of deployment.

FORMS and OPTIONS below are its documentation, for the manual and for `--help`. The password never
appears in a representation, a log line or an error message.

redis-py's own `parse_url` knows the first three forms without our two options; reading those
through it and the others here would be two readings of one grammar.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from holdfast_lua.client.link import Address, LinkSettings
from holdfast_lua.errors import StoreSetupError

Kind = Literal["standalone", "sentinel", "cluster"]

DEFAULT_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
REPLY_TIMEOUT_SECONDS: Final = 5.0
REPLY_TIMEOUT_SECONDS_MAX: Final = 60.0
_KINDS: Final[dict[str, Kind]] = {"": "standalone", "sentinel": "sentinel", "cluster": "cluster"}
_TLS_SCHEMES: Final = ("rediss", "valkeys")
_SCHEMES: Final = ("redis", "valkey", "unix", *_TLS_SCHEMES)
FORMS: Final = (
    ("redis://[user:password@]host[:port][/database]", "one server; port 6379, database 0"),
    ("unix://[user:password@]/path/to/socket[?db=0]", "one server on this machine"),
    (
        "redis+sentinel://[user:password@]host[:port],host[:port]/master[?db=0]",
        "whom most of these Sentinels name as the master; name all of them; port 26379",
    ),
    (
        "redis+cluster://[user:password@]host[:port],host[:port]",
        "a Cluster, found through any of these servers; port 6379",
    ),
    ("rediss:// or rediss+...", "each of them with TLS; valkey and valkeys mean the same"),
)
OPTIONS: Final = (
    ("timeout=SECONDS", "the wait for a reply, up to 60; 5 when absent"),
    ("db=NUMBER", "the database; for unix:// and Sentinel"),
    ("ca=FILE", "with TLS: the authority to trust; the system's when absent"),
    ("sentinel_password=...", "the Sentinels' own; user and password above are the store's"),
)
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
    reply_timeout_seconds: float = REPLY_TIMEOUT_SECONDS

    @classmethod
    def parse(cls, url: str) -> StoreUrl:
        """Reads a URL; raises StoreSetupError that says what is wrong without quoting it."""
        parts = urlsplit(url)
        scheme, _, flavour = parts.scheme.partition("+")
        if scheme not in _SCHEMES or flavour not in _KINDS or (scheme == "unix" and flavour):
            raise StoreSetupError(f"the store URL must start with {_FORM}")
        kind, path = _KINDS[flavour], unquote(parts.path)
        userinfo, _, hosts = parts.netloc.rpartition("@")
        username, _, password = userinfo.partition(":")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        at_unix, name = scheme == "unix", path.strip("/")
        if kind == "sentinel" and not name:
            raise StoreSetupError("a sentinel URL ends with the master's name: .../mymaster")
        in_path = name if kind == "standalone" and not at_unix else ""
        return cls(
            kind,
            (Address(path=path),) if at_unix else _addresses(hosts, kind),
            username=unquote(username),
            password=unquote(password),
            database=_database(options.get("db", in_path or "0")),
            master=name if kind == "sentinel" else "",
            tls=scheme in _TLS_SCHEMES,
            ca=options.get("ca", ""),
            sentinel_password=options.get("sentinel_password", ""),
            reply_timeout_seconds=_timeout(options),
        )

    def link_settings(self) -> LinkSettings:
        """How links to the store itself are opened."""
        return LinkSettings(
            username=self.username,
            password=self.password,
            database=self.database,
            tls=self.tls_context(),
            ca=self.ca,
            require_master=self.kind == "sentinel",
            reply_timeout_seconds=self.reply_timeout_seconds,
        )

    def sentinel_settings(self) -> LinkSettings:
        """How links to the sentinels are opened."""
        return LinkSettings(password=self.sentinel_password, tls=self.tls_context(), ca=self.ca)

    def tls_context(self) -> ssl.SSLContext | None:
        """Verifies the store against the system's authorities, or the one named in the URL."""
        return ssl.create_default_context(cafile=self.ca or None) if self.tls else None

    def __str__(self) -> str:
        """For logs: never the password."""
        return f"{self.kind} store at {', '.join(map(str, self.addresses))}"


def _timeout(options: Mapping[str, str]) -> float:
    try:
        seconds = float(options.get("timeout", REPLY_TIMEOUT_SECONDS))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= REPLY_TIMEOUT_SECONDS_MAX:
        raise StoreSetupError("the timeout in the store URL must be a number of seconds, up to 60")
    return seconds


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
