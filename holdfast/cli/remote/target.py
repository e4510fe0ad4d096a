"""Finds the service that a command is for, and the key to call it with.

By default both are those of the data directory here; from any other machine `--url` or HOLDFAST_URL
and a key name them. The key never stands on the command line, where every user of the machine can
read it, and that of a data directory is sent to this machine only.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from holdfast.api_client import checked_origin, is_local

URL_VARIABLE: Final = "HOLDFAST_URL"
KEY_VARIABLE: Final = "HOLDFAST_KEY"
KEY_FILE_VARIABLE: Final = "HOLDFAST_KEY_FILE"
DATA_DIR_VARIABLE: Final = "HOLDFAST_DATA_DIR"
CONFIG_VARIABLE: Final = "HOLDFAST_CONFIG"
DATA_DIR: Final = ".holdfast"
# These files are the service's: holdfast.local_origins and holdfast.keyfiles write them. Their
# modules are not imported, since that takes longer than most calls.
ADDRESS_FILE: Final = "{role}.url"
OPERATOR_KEY_FILE: Final = "operator.key"
KEY_BYTES_MAX: Final = 4096


@dataclass(frozen=True)
class Target:
    """Where to call, and with which key."""

    origin: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class TargetOptions:
    """What the command line says about it."""

    url: str | None = None
    key_file: Path | None = None
    data_dir: Path | None = None
    config_path: Path | None = None


def find_target(options: TargetOptions, role: str = "operator") -> Target:
    """Where a role of the service is served, and the key; UsageError says what is missing."""
    origin = _origin(options, role)
    return Target(origin, _key(options, origin))


def _origin(options: TargetOptions, role: str) -> str:
    if url := options.url or os.environ.get(URL_VARIABLE):
        try:
            return checked_origin(url)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=f"--url ({URL_VARIABLE})") from None
    with suppress(OSError, ValueError):
        file = _data_dir(options) / ADDRESS_FILE.format(role=role)
        return checked_origin(file.read_text().strip())
    return _configured_origin(options, role)


def _configured_origin(options: TargetOptions, role: str) -> str:
    """That of the service which `holdfast serve` would start here."""
    from holdfast.cli.options import read_config
    from holdfast.local_origins import local_origins

    config = read_config(options.config_path, {"data_dir": options.data_dir})
    origin = local_origins(config.groups()).get(role)
    if origin is None or origin.endswith(":0"):
        raise click.UsageError(
            f"no service runs with the data directory {config.data_dir}; "
            f"say which to call by --url or {URL_VARIABLE}"
        )
    return origin


def _key(options: TargetOptions, origin: str) -> str:
    named = options.key_file or os.environ.get(KEY_FILE_VARIABLE)
    if options.key_file is None and (key := os.environ.get(KEY_VARIABLE, "").strip()):
        return key
    if named:
        return _read_key(Path(named))
    if not is_local(origin):
        raise click.UsageError(
            f"a key for {origin} is needed: {KEY_VARIABLE}, {KEY_FILE_VARIABLE} or --key-file"
        )
    file = _data_dir(options) / OPERATOR_KEY_FILE
    if file.exists():
        return _read_key(file)
    if key := os.environ.get("HOLDFAST_OPERATOR_KEY", "").strip():
        return key
    raise click.UsageError(
        f"there is no key: {file} does not exist. Give one by {KEY_VARIABLE}, {KEY_FILE_VARIABLE} "
        "or --key-file, or the directory of a service by --data-dir"
    )


def _read_key(file: Path) -> str:
    try:
        with file.open() as opened:
            key = opened.read(KEY_BYTES_MAX).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise click.UsageError(f"cannot read the key in {file}: {why}") from None
    if not key or not key.isascii() or not key.isprintable():
        raise click.UsageError(f"{file} has no key")
    return key


def _data_dir(options: TargetOptions) -> Path:
    """The data directory of the settings, which are read only where a file may name another."""
    if options.data_dir is not None:
        return options.data_dir
    if options.config_path is not None or os.environ.get(CONFIG_VARIABLE):
        from holdfast.cli.options import read_config

        path = options.config_path or Path(os.environ[CONFIG_VARIABLE])
        return read_config(path, {}).data_dir
    return Path(os.environ.get(DATA_DIR_VARIABLE) or DATA_DIR).expanduser()
