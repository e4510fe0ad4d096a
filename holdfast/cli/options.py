"""Options that commands share, and reading the configuration for a command."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import click

from holdfast.config import CONFIG_VARIABLE, Config, ConfigError, load_config

Command = TypeVar("Command", bound=Callable[..., None])


def config_option(command: Command) -> Command:
    """`--config FILE`, with `HOLDFAST_CONFIG` as its variable."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar=CONFIG_VARIABLE,
        help="TOML file of settings; HOLDFAST_* variables and options win over it.",
    )(command)


def data_dir_option(command: Command) -> Command:
    """`--data-dir DIR`, the one setting that every offline command needs too."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Directory of store, ledger and secrets (HOLDFAST_DATA_DIR; default .holdfast).",
    )(command)


def read_config(path: Path | None, overrides: Mapping[str, object]) -> Config:
    """The configuration of this call; warnings go to stderr, errors end the command."""
    try:
        loaded = load_config(path, overrides=overrides)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    for warning in loaded.warnings:
        with suppress(OSError):  # nobody may be listening
            click.echo(f"warning: {warning}", err=True)
    return loaded.config
