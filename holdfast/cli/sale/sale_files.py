"""Reads the files that `holdfast sale create` is given: the fields of a sale, a seating plan."""

import json
import tomllib
from datetime import date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any, Final

import click

FILE_BYTES_MAX: Final = 32 * 1024 * 1024


def read_file(file: Path) -> dict[str, Any]:
    """The fields in a TOML or JSON file, as the API takes them; UsageError for what is none."""
    text = _read(file)
    try:
        fields = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        kind = "JSON" if file.suffix == ".json" else "TOML"
        raise click.UsageError(f"{file} is not {kind}: {error}") from None
    if not isinstance(fields, dict):
        raise click.UsageError(f"{file}: the fields of a sale are an object")
    if isinstance(fields.get("plan"), str):
        fields["plan"] = read_plan(file.parent / fields["plan"])
    return {name: _plain(file, name, value) for name, value in fields.items()}


def read_plan(file: Path) -> object:
    """The seating plan in a file; UsageError for what is no JSON."""
    try:
        return json.loads(_read(file))
    except ValueError as error:
        raise click.UsageError(f"{file} is not JSON: {error}") from None


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise click.UsageError(f"{file} is larger than {FILE_BYTES_MAX} bytes")
        return text.decode("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8") from None


def _plain(file: Path, name: str, value: object) -> object:
    """A TOML value as JSON has it; a time without a zone is in that of this machine."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.astimezone()).isoformat()
    if isinstance(value, date | time_of_day):
        raise click.UsageError(f"{file}: {name} needs a date and a time of day")
    return value
