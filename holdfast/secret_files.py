"""Reads secrets from files that variables name, as orchestrators hand them out.

`HOLDFAST_SECRET_FILE=/run/secrets/secret` stands for `HOLDFAST_SECRET` with what that file holds:
the variables of a process are shown by more tools than a file is. No error repeats any of a file.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

FILE_SUFFIX: Final = "_FILE"
MAX_SECRET_FILE_BYTES: Final = 16 * 1024


def with_secret_files(environ: Mapping[str, str], secrets: Iterable[str]) -> dict[str, str]:
    """The environment with each secret that a file holds in its own variable. Raises ValueError
    when a file cannot be used, or a secret is given both ways.
    """
    filled = dict(environ)
    for variable in secrets:
        by_file = variable + FILE_SUFFIX
        # An empty variable means "not set", here as everywhere.
        if path := filled.pop(by_file, ""):
            if environ.get(variable):
                raise ValueError(f"{variable} and {by_file} are both set: keep one of them")
            filled[variable] = _secret_in(Path(path), by_file)
    return filled


def _secret_in(path: Path, variable: str) -> str:
    """The text of a file without the line breaks at its end."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SECRET_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{variable}: cannot read {path}: {error.strerror}") from error
    if len(text) > MAX_SECRET_FILE_BYTES:
        raise ValueError(f"{variable}: {path} is larger than {MAX_SECRET_FILE_BYTES} bytes")
    try:
        secret = text.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{variable}: {path} is not UTF-8 text") from None
    if not secret:
        raise ValueError(f"{variable}: {path} is empty")
    return secret
