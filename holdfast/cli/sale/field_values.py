"""Reads `FIELD=VALUE` of the command line as the fields of a sale.

The type of a field says how its text is meant: `name=2027` is a text and `burst=50` a number. The
service decides what a field may be, since it may be of another version; a field that this version
does not know is read as JSON, or as text where it is none.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem
from msgspec import inspect

from holdfast.sales.spec import LIVE_FIELDS, SaleSpec

TRUE, FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_SHAPE = inspect.type_info(SaleSpec)
assert isinstance(_SHAPE, inspect.StructType)
FIELDS: Mapping[str, inspect.Type] = {field.name: field.type for field in _SHAPE.fields}


def read_fields(pairs: Iterable[str]) -> dict[str, object]:
    """The fields that `FIELD=VALUE` texts name; UsageError for what is none."""
    fields: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{pair!r} is no FIELD=VALUE, such as new_users_per_minute=1200")
        if name in fields:
            raise click.UsageError(f"{name} is given twice")
        fields[name] = read_value(name, text)
    return fields


def read_value(name: str, text: str) -> object:
    """The value of a field as its type has it."""
    if name not in FIELDS:
        return _json_or_text(text)
    kinds = _kinds(FIELDS[name])
    if text in {"", "null"} and inspect.NoneType in kinds:
        return None
    if inspect.DateTimeType in kinds:
        return read_time(name, text)
    if inspect.BoolType in kinds:
        return _flag(name, text)
    if kinds & {inspect.StrType, inspect.LiteralType}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise click.UsageError(f"{name}: {text!r} is no number or JSON") from None


def read_time(name: str, text: str) -> str:
    """A time as RFC 3339; without a zone it is in that of this machine."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{name}: {text!r} is no time such as 2027-03-01T20:00 (here) or 2027-03-01T19:00Z"
        ) from None
    return (time if time.tzinfo else time.astimezone()).isoformat()


def suggestion(field: str) -> str:
    """The live field that is spelt most like `field`, as a question; empty where none is."""
    close = get_close_matches(field, LIVE_FIELDS, n=1, cutoff=0.5)
    return f"Is {close[0]} meant?" if close else ""


def complete_field(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The fields that may be changed, up to their equals sign."""
    return [CompletionItem(f"{name}=") for name in sorted(LIVE_FIELDS) if name.startswith(begun)]


def _kinds(shape: inspect.Type) -> set[type[Any]]:
    types = shape.types if isinstance(shape, inspect.UnionType) else (shape,)
    inner = (one.type if isinstance(one, inspect.Metadata) else one for one in types)
    return {type(one) for one in inner}


def _flag(name: str, text: str) -> bool:
    if text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    raise click.UsageError(f"{name}: {text!r} is neither true nor false")


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
