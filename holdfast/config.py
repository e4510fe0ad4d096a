"""Every setting of the service, in one table.

The dataclass below is that table: a field is a setting, its annotation carries the bounds, its
metadata the sentence that `holdfast settings` and docs/configuration.md print. Nothing else lists
the settings, so a new one cannot be left undocumented.

A value comes from, later ones winning: the default, the TOML file, the `HOLDFAST_*` environment,
the command line. An unknown key in the file is an error, because a misspelt `new_userz` that is
ignored is found on the day of the sale; an unknown `HOLDFAST_*` variable is a warning, because a
shared environment may carry one that belongs to another version.

Rejected: nested TOML sections. They save no typing at this size and give each setting two names.
"""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with the documentation made mandatory.

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec

from holdfast_connector.origins import parse_origin
from holdfast_web.request.client_address import TrustedProxies

ENV_PREFIX = "HOLDFAST_"
CONFIG_VARIABLE = "HOLDFAST_CONFIG"
MAX_CONFIG_BYTES = 256 * 1024
MIN_SECRET_CHARS = 32
MIN_KEY_CHARS = 16

T = TypeVar("T")

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Workers = Annotated[int, msgspec.Meta(ge=1, le=128)]
Streams = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0.1, le=3600)]
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
    workers: Workers = setting(1, "Worker processes that share the listening socket.")
    admin_port: Port = setting(
        0, "Port for /metrics without a key; 0: programs on this machine read it on the main port."
    )
    metrics_access: str = setting(
        "local",
        "Who reads /metrics on the main port without an API key: local (this machine, not through "
        "a proxy) or public.",
    )
    public_url: str | None = setting(
        None,
        "Origin that visitors use, the issuer of every pass. Absent: http://<host>:<port>. "
        "Nothing is derived from a Host header.",
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
    pass_algorithm: str = setting(
        "EdDSA", "Signature of passes: EdDSA (verified through JWKS) or HS256 (shared secret)."
    )
    trusted_proxies: tuple[str, ...] = setting(
        (), "Networks (CIDR) of proxies whose X-Forwarded-For entries are believed."
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
    keepalive_seconds: Seconds = setting(15.0, "How long an idle connection is kept open.")
    header_seconds: Seconds = setting(
        10.0, "How long a new connection may take to send its first request's head."
    )
    write_seconds: Seconds = setting(
        20.0,
        "How long a client may take for each 64 KiB of an answer; then the connection is cut off.",
    )
    shutdown_seconds: Seconds = setting(
        20.0, "How long requests in flight may take to finish after SIGTERM."
    )
    log_level: str = setting("info", "debug, info, warning or error; the log goes to stderr.")


@dataclass(frozen=True)
class SettingDoc:
    """One setting as `holdfast settings` and the documentation show it."""

    name: str
    variable: str
    default: str
    doc: str
    secret: bool


@dataclass(frozen=True)
class LoadedConfig:
    """The configuration and what the operator should be told about it."""

    config: Config
    warnings: tuple[str, ...]


def describe_settings() -> Iterator[SettingDoc]:
    """Every setting, in the order of the table."""
    for item in fields(Config):
        yield SettingDoc(
            name=item.name,
            variable=variable_of(item.name),
            default=_shown(item.default),
            doc=item.metadata["doc"],
            secret=item.metadata["secret"],
        )


def shown_value(config: Config, name: str) -> str:
    """A setting's value for people: secrets only as set or not set."""
    item = next(item for item in fields(Config) if item.name == name)
    value = getattr(config, name)
    if item.metadata["secret"]:
        return "(set)" if value else "(not set)"
    return _shown(value)


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + name.upper()


def load_config(
    path: Path | None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> LoadedConfig:
    """Read file, environment and command line into one checked configuration."""
    environ = os.environ if environ is None else environ
    values = dict(_from_file(path)) if path else {}
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
        elif variable.startswith(ENV_PREFIX) and variable != CONFIG_VARIABLE:
            warnings.append(f"{variable} is not a setting; `holdfast settings` lists them")
    return values, tuple(warnings)


def _is_service_link(variable: str, text: str) -> bool:
    """Whether Kubernetes made this variable for a Service that is called `holdfast`.

    It gives every container of the namespace `HOLDFAST_PORT=tcp://10.0.0.7:8080` and its kind, and
    one of them has the name of a setting. Their names and forms are fixed:
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    if variable == f"{ENV_PREFIX}PORT":
        return re.match(r"(tcp|udp|sctp)://", text) is not None
    return (
        re.match(rf"{ENV_PREFIX}(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))", variable)
        is not None
    )


def _from_text(item: Field[object], text: str) -> object:
    if isinstance(item.default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
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
    if config.metrics_access not in {"local", "public"}:
        raise ConfigError("setting metrics_access: local or public")
    if config.pass_algorithm not in {"EdDSA", "HS256"}:
        raise ConfigError("setting pass_algorithm: EdDSA or HS256")
    if config.admin_port and config.admin_port == config.port:
        raise ConfigError("setting admin_port: must differ from port (0 shares the main port)")
    _check_addresses(config)
    secrets = [config.secret] if config.secret is not None else []
    if any(len(one) < MIN_SECRET_CHARS for one in [*secrets, *config.secret_previous]):
        raise ConfigError(
            f"settings secret, secret_previous: at least {MIN_SECRET_CHARS} characters"
        )
    if config.operator_key is not None and len(config.operator_key) < MIN_KEY_CHARS:
        raise ConfigError(f"setting operator_key: at least {MIN_KEY_CHARS} characters")


def _check_addresses(config: Config) -> None:
    try:
        TrustedProxies(config.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"setting trusted_proxies: {error}") from error
    try:
        parse_origin(config.public_url or "http://localhost")
    except ValueError as error:
        raise ConfigError(
            f"setting public_url: an http(s) origin such as https://tickets.example ({error})"
        ) from error


def _shown(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, tuple):
        return ", ".join(value) or "(none)"
    return str(value)
