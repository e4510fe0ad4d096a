"""The rule for text from outside: every body, path, query, header and seating plan follows it.

Text has no control characters and no lone surrogates (which JSON can spell and no database stores),
and is kept in Unicode normal form C, so that a name is one name whether its accents were typed as
letters or as combining characters. It is normalised, not refused, since its writer means either. A
field that people read as several lines, marked by `MULTILINE`, may have line breaks and tabs; a
break is kept as a line feed. The field itself bounds the length.

Bidirectional controls and joiners are not control characters in this sense: some scripts need them.

The rule is applied to whole decoded values (`cleaned`), so no field can be forgotten. Bodies in
plain ASCII without escapes, which are nearly all, cannot break it and are not scanned.

Rejected: a constrained `str` in each struct. It could be forgotten in a new field, and what the
ledger has kept since before the rule would not decode any more.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_type_hints
from unicodedata import is_normalized, normalize

import msgspec
from aiohttp import web

from holdfast_web.errors import invalid

BOM: Final = b"\xef\xbb\xbf"
QUERY_CHARS_MAX: Final = 512
NUMBER_DIGITS_MAX: Final = 15
INT64_MAX: Final = 2**63 - 1
"""The largest integer that the databases keep: every integer from outside has a bound below it."""

MULTILINE: Final[dict[str, Any]] = {"multiline": True}
"""`msgspec.Meta(extra=MULTILINE)` marks text of several lines."""

_REFUSED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_REFUSED_IN_LINES: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

T = TypeVar("T")


def clean_text(text: str, field: str, *, multiline: bool = False) -> str:
    """`text` in normal form; raises 400 naming the field for a character that is not allowed."""
    found = (_REFUSED_IN_LINES if multiline else _REFUSED).search(text)
    if found is not None:
        raise invalid(field, f"{field}: the character U+{ord(found[0]):04X} is not allowed.")
    if text.isascii():
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    normal = text if is_normalized("NFC", text) else normalize("NFC", text)
    return normal.replace("\r\n", "\n").replace("\r", "\n") if "\r" in normal else normal


def is_plain(body: bytes | bytearray) -> bool:
    """Whether this JSON needs no cleaning: it is ASCII without escapes."""
    return body.isascii() and b"\\" not in body and b"\x7f" not in body


def without_bom(body: bytes | bytearray) -> bytes | bytearray:
    """`body` without the byte order mark that some editors write before UTF-8."""
    return body[len(BOM) :] if body.startswith(BOM) else body


def cleaned(
    value: T, field: str = "", *, multiline: bool = False, only: Collection[str] | None = None
) -> T:
    """The decoded `value` with all its text in normal form; the same object when it already was.

    `only` names the fields of a struct that came from outside. Raw JSON is not cleaned.
    """
    clean: Any = value
    if isinstance(value, str):
        clean = clean_text(value, field or "body", multiline=multiline)
    elif isinstance(value, msgspec.Struct):
        clean = _cleaned_struct(value, field, only)
    elif isinstance(value, Mapping):
        clean = {
            cleaned(name, field): cleaned(item, _below(field, str(name)), multiline=multiline)
            for name, item in value.items()
        }
    elif isinstance(value, list | tuple):
        items = (
            cleaned(item, f"{field}[{at}]", multiline=multiline) for at, item in enumerate(value)
        )
        clean = type(value)(items)
    return value if clean == value else clean


def query_text(request: web.Request, name: str, *, limit: int = QUERY_CHARS_MAX) -> str | None:
    """The query parameter `name`, None without one; raises 400 when it is there twice."""
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise invalid(name, f"{name} is given more than once.")
    if not values:
        return None
    if len(values[0]) > limit:
        raise invalid(name, f"{name} takes at most {limit} characters.")
    return clean_text(values[0], name)


def query_flag(request: web.Request, name: str) -> bool:
    """The query parameter `name`, `true` or `false`; False without one."""
    text = query_text(request, name)
    if text not in (None, "true", "false"):
        raise invalid(name, f"{name} can be `true` or `false`.")
    return text == "true"


def query_number(request: web.Request, name: str) -> int | None:
    """The query parameter `name`, a number from 0 on; None without one."""
    text = query_text(request, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX):
        raise invalid(name, f"{name} must be a number from 0 on.")
    return int(text)


def _cleaned_struct(value: msgspec.Struct, field: str, only: Collection[str] | None) -> Any:
    several = _multiline_fields(type(value))
    changes = {}
    for name in value.__struct_fields__ if only is None else only:
        before = getattr(value, name)
        after = cleaned(before, _below(field, name), multiline=name in several)
        if after is not before:
            changes[name] = after
    return msgspec.structs.replace(value, **changes) if changes else value


@cache
def _multiline_fields(shape: type[msgspec.Struct]) -> frozenset[str]:
    hints = get_type_hints(shape, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _is_multiline(hint))


def _is_multiline(hint: object) -> bool:
    metadata = getattr(hint, "__metadata__", ())
    if any(isinstance(m, msgspec.Meta) and m.extra == MULTILINE for m in metadata):
        return True
    return any(_is_multiline(part) for part in get_args(hint))


def _below(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name
