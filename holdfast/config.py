"""Every setting of the service, in one table.

The dataclass below is that table: a field is a setting, its annotation carries the bounds, its
metadata the sentence that `holdfast settings` and docs/configuration.md print.

A value comes from, later ones winning: the default, the TOML file, the `HOLDFAST_*` environment,
the command line. An unknown key in the file is an error, so that a misspelt one is found at the
start; an unknown `HOLDFAST_*` variable is a warning, since a shared environment may carry one of
another version. A secret may stand in a file, which the variable with `_FILE` behind it names.

Rejected: nested TOML sections. They save no typing at this size and give each setting two names.
"""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with the documentation made mandatory.

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec

from holdfast.log_formatters import LOG_FORMATS
from holdfast.secret_files import with_secret_files
from holdfast.worker_groups import ListenAddress, OwnListener, WorkerGroup, divide, parse_roles
from holdfast_connector.origins import parse_origin
from holdfast_web.roles.service_roles import ALL_ROLES, ServiceRole
from holdfast_web.trusted_proxies import TrustedProxies

ENV_PREFIX = "HOLDFAST_"
CONFIG_VARIABLE = "HOLDFAST_CONFIG"
COMMAND_VARIABLES = frozenset(
    {CONFIG_VARIABLE, "HOLDFAST_URL", "HOLDFAST_KEY", "HOLDFAST_KEY_FILE"}
)
"""What commands read that are no settings of the service."""
MAX_CONFIG_BYTES = 256 * 1024
MIN_SECRET_CHARS = 32
MIN_KEY_CHARS = 16

T = TypeVar("T")

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Workers = Annotated[int, msgspec.Meta(ge=1, le=128)]
Streams = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Connections = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
ShedAfter = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0.1, le=3600)]
DelaySeconds = Annotated[float, msgspec.Meta(ge=0, le=600)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=20, le=60_000)]


class ConfigError(Exception):
    """The configuration cannot be used; the message names the setting and says what to change."""


def setting(default: T, doc: str, *, secret: bool = False) -> T:
    """One row of the table; a secret stays out of `repr` and is never printed."""
    return field(default=default, repr=not secret, metadata={"doc": doc, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Config:
    """What `create_app` and the supervisor need; made once, never changed."""

    host: str = setting("127.0.0.1", "Address to listen on.")
    port: Port = setting(8080, "Port to listen on; 0 takes any free one and prints it.")
    workers: Workers = setting(1, "Worker processes of the main listener.")
    roles: tuple[str, ...] = setting(
        ALL_ROLES,
        "What this node serves; other nodes, with the same store, ledger and secret, serve the "
        "rest.",
    )
    listen_room: str | None = setting(
        None,
        "Listener of the waiting room alone, HOST:PORT or unix:/path. Absent: the main one.",
    )
    listen_sales_floor: str | None = setting(
        None, "Listener of seat maps and buyers' holds alone. Absent: the main one."
    )
    listen_shop: str | None = setting(
        None, "Listener of the shop's server alone, with payments. Absent: the main one."
    )
    listen_operator: str | None = setting(
        None, "Listener of operators and /metrics alone. Absent: the main one."
    )
    workers_room: Workers | None = setting(None, "Worker processes of listen_room. Absent: 1.")
    workers_sales_floor: Workers | None = setting(
        None, "Worker processes of listen_sales_floor. Absent: 1."
    )
    workers_shop: Workers | None = setting(None, "Worker processes of listen_shop. Absent: 1.")
    workers_operator: Workers | None = setting(
        None, "Worker processes of listen_operator. Absent: 1."
    )
    admin_port: Port = setting(
        0,
        "Port for /metrics without a key; 0: programs on this machine read it where the role "
        "operator listens.",
    )
    metrics_access: str = setting(
        "local",
        "Who reads /metrics without an API key where the role operator listens: local (this "
        "machine, not through a proxy) or public.",
    )
    public_url: str | None = setting(
        None,
        "Origin that visitors use, the issuer of every pass. Absent: that of the waiting room's "
        "listener, http://<host>:<port>. Nothing is derived from a Host header.",
    )
    data_dir: Path = setting(
        Path(".holdfast"),
        "Directory of the embedded store, the SQLite ledger and the generated secrets.",
    )
    store_url: str | None = setting(
        None,
        "Redis >= 7.0 or Valkey >= 7.2: redis://, rediss://, unix://, redis+sentinel://, "
        "redis+cluster://; operations.md has the forms and options. Absent: an embedded Valkey in "
        "the data directory.",
        secret=True,
    )
    ledger_url: str | None = setting(
        None,
        "SQL ledger: sqlite:///, postgresql:// or mysql://, servers with ?sslmode=, &sslrootcert=. "
        "Absent: SQLite in the data directory.",
        secret=True,
    )
    operator_key: str | None = setting(
        None,
        "API key with the operator role. Absent: made once and kept in <data_dir>/operator.key.",
        secret=True,
    )
    secret: str | None = setting(
        None,
        "The one secret that ticket, pass, hand-off and identity keys are derived from. Absent: "
        "made once and kept in <data_dir>/secret. Nodes of one deployment share it.",
        secret=True,
    )
    secret_previous: tuple[str, ...] = setting(
        (),
        "Earlier secrets whose tickets and passes are still accepted, newest first.",
        secret=True,
    )
    console_url: str | None = setting(
        None, "Origin of the console, to come back to from oidc_issuer. Absent: public_url."
    )
    oidc_issuer: str | None = setting(
        None, "OpenID Connect provider for signing in to the console; needs the extra `oidc`."
    )
    oidc_client_id: str | None = setting(None, "Name of this service at oidc_issuer.")
    oidc_client_secret: str | None = setting(None, "Its secret there, if any.", secret=True)
    oidc_groups_claim: str = setting("groups", "Claim of the ID token that lists the groups.")
    oidc_roles: tuple[str, ...] = setting((), "Roles of groups: staff=operator, press=viewer.")
    pass_algorithm: str = setting(
        "EdDSA", "Signature of passes: EdDSA (verified through JWKS) or HS256 (shared secret)."
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "Networks (CIDR) of proxies whose X-Forwarded-For entries are believed; unix: whoever "
        "connects to a unix socket.",
    )
    tick_ms: Milliseconds = setting(
        250, "How often each worker runs admission and refreshes the status of a live sale."
    )
    checkpoint_ms: Milliseconds = setting(
        1000, "How often the line is copied to the ledger for a rebuild, where it has changed."
    )
    sweep_ms: Milliseconds = setting(
        1000, "How often overdue holds are freed when nobody else has done it already."
    )
    recovery_ms: Milliseconds = setting(
        5000, "How often orders that a crash left halfway are looked for and settled."
    )
    change_streams: Streams = setting(
        1000, "Open streams of seat changes that a worker takes; above that it answers 503."
    )
    change_streams_per_address: Streams = setting(
        100,
        "Of those, how many one client address (in IPv6 its /64 network) may have; above that "
        "it gets 429.",
    )
    keepalive_seconds: Seconds = setting(
        75.0,
        "How long an idle connection is kept open: longer than balancers keep theirs, mostly 60 s.",
    )
    header_seconds: Seconds = setting(
        10.0, "How long a new connection may take to send its first request's head."
    )
    connections: Connections = setting(
        4096,
        "Open connections that a worker takes; above that idle ones are closed, those first that "
        "have been idle the longest, and then new ones are answered 503. 0: any number.",
    )
    shed_after_ms: ShedAfter = setting(
        250,
        "How old the answer to a request that begins something may become, before a worker answers "
        "503 `overloaded` at once instead; operations.md has the rest. 0: never.",
    )
    write_seconds: Seconds = setting(
        12.0,
        "How long a client may take for each 64 KiB of an answer; then the connection is cut off.",
    )
    shutdown_seconds: Seconds = setting(
        20.0, "How long requests in flight may take to finish after SIGTERM."
    )
    stop_delay_seconds: DelaySeconds = setting(
        0.0,
        "How long after SIGTERM new connections are still taken while /readyz says 503, for "
        "balancers that take a while to notice; nginx needs none.",
    )
    tracing_endpoint: str | None = setting(
        None,
        "Collector of OpenTelemetry traces, by OTLP/HTTP, such as http://127.0.0.1:4318; needs the "
        "extra tracing. Absent: nothing is traced.",
    )
    tracing_ratio: Ratio = setting(1.0, "Share of the requests that are traced, from 0 to 1.")
    log_level: str = setting("info", "debug, info, warning or error; the log goes to stderr.")
    log_format: str = setting("text", "text, or json: each line of the log is an object.")

    def groups(self) -> tuple[WorkerGroup, ...]:
        """The groups of workers of this node; ConfigError when these settings contradict."""
        own = {
            role: OwnListener(getattr(self, f"listen_{role}"), getattr(self, f"workers_{role}"))
            for role in ALL_ROLES
        }
        main = ListenAddress(self.host, self.port)
        try:
            return divide(parse_roles(self.roles), main, self.workers, own)
        except ValueError as error:
            raise ConfigError(f"setting {error}") from error


@dataclass(frozen=True)
class LoadedConfig:
    """The configuration and what the operator should be told about it."""

    config: Config
    warnings: tuple[str, ...]


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + name.upper()


def load_config(
    path: Path | None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> LoadedConfig:
    """Reads file, environment and command line into one checked configuration."""
    environ = os.environ if environ is None else environ
    values = dict(_from_file(path)) if path else {}
    secrets = [variable_of(item.name) for item in fields(Config) if item.metadata["secret"]]
    try:
        environ = with_secret_files(environ, secrets)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    from_environ, warnings = _from_environ(environ)
    values.update(from_environ)
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    config = Config(**_converted(values))
    _check_together(config)
    return LoadedConfig(config, warnings)


def _from_file(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
        if len(text) > MAX_CONFIG_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes")
        values = tomllib.loads(text.decode())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    known = {item.name for item in fields(Config)}
    for name in values:
        if name not in known:
            raise ConfigError(f"{path}: unknown setting {name!r}; `holdfast settings` lists them")
    return values


def _from_environ(environ: Mapping[str, str]) -> tuple[dict[str, object], tuple[str, ...]]:
    values: dict[str, object] = {}
    known = {variable_of(item.name): item for item in fields(Config)}
    warnings = []
    for variable in sorted(environ):
        if _is_service_link(variable, environ[variable]):
            warnings.append(
                f"{variable} was set by Kubernetes for a Service of that name; it is not a setting"
            )
        elif variable in known:
            values[known[variable].name] = _from_text(known[variable], environ[variable])
        elif variable.startswith(ENV_PREFIX) and variable not in COMMAND_VARIABLES:
            warnings.append(f"{variable} is not a setting; `holdfast settings` lists them")
    return values, tuple(warnings)


def _is_service_link(variable: str, text: str) -> bool:
    """Whether Kubernetes made this variable for a Service called `holdfast` or `holdfast-...`.

    Some have the name of a setting, as `HOLDFAST_PORT=tcp://10.0.0.7:8080`. Their forms are fixed:
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    own = rf"{ENV_PREFIX}(\w+_)?(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))"
    is_url = re.match(r"(tcp|udp|sctp)://", text) is not None
    return (is_url and variable.endswith("_PORT")) or re.match(own, variable) is not None


def _from_text(item: Field[object], text: str) -> object:
    if isinstance(item.default, tuple):
        return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]
    # An empty variable means "not set", as `FOO= command` is written to unset one.
    return text if text or item.default is not None else None


def _converted(values: Mapping[str, object]) -> dict[str, Any]:
    """Each value in the type of its annotation, which only the run-time check knows."""
    hints = get_type_hints(Config, include_extras=True)
    return {name: _convert(name, value, hints[name]) for name, value in values.items()}


def _convert(name: str, value: object, hint: object) -> object:
    if hint is Path:
        return Path(str(value)).expanduser()
    try:
        return msgspec.convert(value, hint, strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        raise ConfigError(f"setting {name} ({variable_of(name)}): {error}") from error


def _check_together(config: Config) -> None:
    if config.log_level not in {"debug", "info", "warning", "error"}:
        raise ConfigError("setting log_level: one of debug, info, warning, error")
    if config.log_format not in LOG_FORMATS:
        raise ConfigError("setting log_format: text or json")
    if config.metrics_access not in {"local", "public"}:
        raise ConfigError("setting metrics_access: local or public")
    if config.pass_algorithm not in {"EdDSA", "HS256"}:
        raise ConfigError("setting pass_algorithm: EdDSA or HS256")
    _check_tracing(config)
    _check_groups(config)
    _check_addresses(config)
    secrets = [config.secret] if config.secret is not None else []
    if any(len(one) < MIN_SECRET_CHARS for one in [*secrets, *config.secret_previous]):
        raise ConfigError(
            f"settings secret, secret_previous: at least {MIN_SECRET_CHARS} characters"
        )
    if config.operator_key is not None and len(config.operator_key) < MIN_KEY_CHARS:
        raise ConfigError(f"setting operator_key: at least {MIN_KEY_CHARS} characters")


def _check_tracing(config: Config) -> None:
    if config.tracing_endpoint is None:
        return
    if find_spec("opentelemetry") is None:
        raise ConfigError("setting tracing_endpoint: needs the extra, holdfast[tracing]")
    _check_origin("tracing_endpoint", config.tracing_endpoint, "http://127.0.0.1:4318")


def _check_origin(name: str, text: str, example: str) -> None:
    try:
        parse_origin(text)
    except ValueError as error:
        raise ConfigError(
            f"setting {name}: an http(s) origin such as {example} ({error})"
        ) from error


def _check_groups(config: Config) -> None:
    groups = config.groups()
    admin = ListenAddress(config.host, config.admin_port)
    if any(group.address.clashes(admin) for group in groups):
        raise ConfigError("setting admin_port: must differ from the ports of the other listeners")
    served = {role: group.address for group in groups for role in group.roles}
    if config.public_url is not None:
        return
    if ServiceRole.SALES_FLOOR in served and ServiceRole.ROOM not in served:
        raise ConfigError("setting public_url: a node without the room needs it to check passes")
    if ServiceRole.ROOM in served and served[ServiceRole.ROOM].path:
        raise ConfigError("setting public_url: needed where the room listens on a unix socket")


def _check_addresses(config: Config) -> None:
    try:
        TrustedProxies(config.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"setting trusted_proxies: {error}") from error
    _check_origin("public_url", config.public_url or "http://localhost", "https://tickets.example")
