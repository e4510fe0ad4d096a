"""Values that are sent by mistake or on purpose, and where in a body they can go.

`holes` finds every place of a request's struct by its types, so that a field which is added is
tried without anybody thinking of it.
"""

import copy
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import inspect

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Raw:
    """Bytes that stand in a body as they are, JSON or not."""

    text: bytes


def _raw(*texts: bytes) -> list[Raw]:
    return [Raw(text) for text in texts]


TEXTS: Final[list[Any]] = [
    "",
    " ",
    "x",
    "x" * 300,
    "x" * 9_000,
    "\u0958" * 128,
    "e\u0301\u0323",
    "\ufeffx",
    "\uffff",
    "\u202e\u2066abc",
    "\U0001f468\u200d\U0001f469",
    "\U0001f4a5" * 255,
    "' OR 1=1; --",
    "../../etc/passwd",
    "{}%00%n%s",
    "\\",
    "EUR\n",
    *_raw(
        rb'"\u0000"',
        rb'"a\u0000b"',
        rb'"\u0001"',
        rb'"\u001b[31m"',
        rb'"\r\n\t"',
        b'"\x7f"',
        b'"\xc2\x85"',
        b'"a\x00"',
        rb'"\ud800"',
        rb'"\udfff\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        rb'"\u12"',
        b'"open',
    ),
]
NUMBERS: Final[list[Any]] = [
    0,
    -1,
    1,
    7,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    2**64,
    10**40,
    0.5,
    -0.0,
    1e308,
    *_raw(b"1e400", b"-1e400", b"9" * 5_000, b"NaN", b"Infinity", b"1e5", b"01", b"+1", b"0x1"),
]
TIMES: Final[list[Any]] = [
    "2030-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2030-01-01T00:00:00",
    "2030-02-30T00:00:00Z",
    "2030-01-01T24:00:00Z",
    "2030-01-01T23:59:60Z",
    "\u0662\u0660\u0663\u0660-01-01T00:00:00Z",
]
OTHERS: Final[list[Any]] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"a": {"a": {"a": 1}}},
    ["x"] * 2_000,
    *_raw(b"[" * 200 + b"]" * 200, b"[" * 20_000, rb'{"\u0000": "\u0000"}'),
    *_raw(b'{"a":1,"a":2}', b"", b"}"),
]
KEYS: Final[list[Any]] = ["", "x" * 300, "e\u0301", "EUR\n", "constructor", "__proto__"]

BODIES: Final = (
    b"",
    b" ",
    b"{",
    b"{}",
    b"null",
    b"[]",
    b"0",
    b'"text"',
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbf{}",
    b'{"\xff": 1}',
    b'{"unknown\\u0000": 1}',
    b"{" * 5_000,
    b"[" * 16_000,
    b'{"a":' * 3_000,
    b"NaN",
    b"\x00" * 100,
    b" " * 16_384,
    b"a=1&b=%00&do=join&t=%ff",
    b"--boundary\r\n\r\n",
)


def holes(kind: inspect.Type, at: Place = ()) -> Iterator[tuple[Place, inspect.Type]]:
    """Every place in a value of this type, with the type that belongs there."""
    if isinstance(kind, inspect.UnionType):
        for one in kind.types:
            if not isinstance(one, inspect.NoneType):
                yield from holes(one, at)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from holes(field.type, (*at, field.encode_name))
        yield (*at, "unknown"), inspect.AnyType()
    else:
        yield at, kind
        if isinstance(kind, inspect.ListType | inspect.VarTupleType):
            yield from holes(kind.item_type, (*at, 0))
        elif isinstance(kind, inspect.DictType):
            yield from holes(kind.value_type, (*at, "A"))


def essential(kind: inspect.Type) -> list[Any]:
    """The values that have broken a place of this type: tried every time."""
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return [2**63, -(2**63) - 1, 10**40, Raw(b"1e400")]
    if isinstance(kind, inspect.DateTimeType):
        return TIMES[2:5]
    return _raw(rb'"\u0000"', b'"\xff"', rb'"e\u0301"')


def fitting(kind: inspect.Type) -> list[Any]:
    """The values that are worth trying in a place of this type."""
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return [*NUMBERS, *TEXTS[:3], *TEXTS[-8:-5], *OTHERS]
    if isinstance(kind, inspect.DateTimeType):
        return [*TIMES, *TEXTS[-14:-8], *NUMBERS[:4], *OTHERS]
    if isinstance(kind, inspect.DictType):
        return [*({key: 1} for key in KEYS), *({key: {key: key}} for key in KEYS), *OTHERS]
    if isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.BoolType):
        return [*OTHERS, *NUMBERS[:3], *TEXTS[:3]]
    return [*TEXTS, *NUMBERS[:2], *NUMBERS[6:11], *OTHERS]


def planted(body: Any, at: Place, value: Any) -> Any:
    """A copy of `body` with `value` at that place, and what it takes to be one."""
    if not at:
        return value
    step, rest = at[0], at[1:]
    grown = copy.copy(body)
    if isinstance(step, int):
        grown = list(grown) if isinstance(grown, list) else []
        grown += [None] * (step + 1 - len(grown))
        grown[step] = planted(grown[step], rest, value)
    else:
        grown = dict(grown) if isinstance(grown, dict) else {}
        grown[step] = planted(grown.get(step), rest, value)
    return grown


def encoded(value: Any) -> bytes:
    """JSON, with the raw parts as they are."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        parts = (json.dumps(key).encode() + b":" + encoded(item) for key, item in value.items())
        return b"{" + b",".join(parts) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(encoded, value)) + b"]"
    return msgspec.json.encode(value) if isinstance(value, str) else json.dumps(value).encode()


# What stands in an address or a header is bytes that need not be text.
PATHS: Final = (
    b"%00",
    b"uid:%00",
    b"a%00b",
    b"%0a",
    b"%7f",
    b"%c2%85",
    b"%ff",
    b"%ed%a0%80",
    b"%zz",
    b"%",
    b"%2e%2e",
    b"..",
    b"%2f",
    b"\xff",
    b"\xc3\xa9",
    b"e%cc%81",
    b"x" * 3_000,
    b"-",
    b"9" * 40,
    b"A" * 64,
    b"'%20OR%201=1",
)
QUERIES: Final = (
    *PATHS,
    b"",
    b"0",
    b"-1",
    b"1",
    b"500",
    b"501",
    b"9223372036854775808",
    b"1-99999999999999999999",
    b"999999999999999-9999999999999999",
    b"1-9999999999999999",
    b"0-0",
    b"%d9%a1-%d9%a2",
    b"WzFd",
    b"WyJcdTAwMDAiXQ",
    b"Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OSwiYSJd",
    b"Wy0xLCJhIl0",
    b"W251bGwsIHt9XQ",
    b"Wzk5OTk5OTksImEiXQ",
    b"https://shop.example/%00",
    b"//evil.example",
    b"true",
)
HEADERS: Final = (
    b"",
    b" ",
    b"*",
    b"x" * 4_000,
    b"\xff\xfe",
    b"caf\xc3\xa9",
    b"a,b;q=0,c;q=1e400,,;;q",
    b"text/html",
    b"text/event-stream;q=0, */*",
    b"application/msgpack",
    b"gzip;q=0",
    b'"a", W/"b", c, "',
    b"9223372036854775808-1",
    b"1-9999999999999999",
    b"Bearer",
    b"Bearer ..",
    b"Bearer a.b.c",
    b"Bearer \xff.\xff.\xff",
    b"Bearer eyJhbGciOiJub25lIn0.e30.",
    b"Bearer " + b64encode(b'{"kid":' + b"[" * 1_400).rstrip(b"=") + b".e30.c2ln",
    b"bytes=0-0",
    b"null",
    b"http://[::1",
    b"same-origin",
    b"1.2.3.4, ::1, [, ]:x, 999.9.9.9",
    b"holdfast_fuzz=%00; __Host-holdfast_fuzz=\xff; =; ;;",
    b'"',
    b"'",
)
