"""Generates secrets at the first start: one file each, readable by its owner alone.

They are made with `O_EXCL`, so that two starts at once agree on one, and mode 0600 from the first
byte; later starts read them, and refuse a file that others can read.
"""

import os
import secrets
import stat
from pathlib import Path

from holdfast.config import Config, ConfigError

MASTER_FILE = "secret"
OPERATOR_KEY_FILE = "operator.key"
OPERATOR_KEY_PREFIX = "hfo_"
MAX_KEY_BYTES = 4096


def operator_key_path(config: Config) -> Path:
    """Where a generated operator key lives."""
    return config.data_dir / OPERATOR_KEY_FILE


def master_secret(config: Config) -> str:
    """The secret from which all keys are derived: configured, or generated in the directory."""
    return config.secret or _kept(config.data_dir / MASTER_FILE, secrets.token_urlsafe(32))


def operator_key(config: Config) -> str:
    """The operator's API key: configured, or generated in the directory."""
    made = OPERATOR_KEY_PREFIX + secrets.token_urlsafe(32)
    return config.operator_key or _kept(operator_key_path(config), made)


def make_data_dir(path: Path) -> None:
    """Creates the data directory for its owner alone; an existing one is left as it is."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"setting data_dir: cannot create {path}: {error.strerror}") from error


def _kept(path: Path, fresh: str) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(handle, "w") as file:
        file.write(fresh + "\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _read(path: Path) -> str:
    with path.open() as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
        text = file.read(MAX_KEY_BYTES).strip()
    if len(text) < 16:
        raise ConfigError(f"{path} is empty or too short; remove it and a new one is made")
    return text
