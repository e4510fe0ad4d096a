"""Writes into the scripts what is declared in Python.

    CODE.OK, CONST.POLL_MS            the number of that name; also STATUS, MODE, DRAW, SEATS
    SEAT.FREE                         the letter of that state, as a string
    KEYS.sale, ARGV.epoch             KEYS[1], ARGV[1], by their order in the header
    KEYS.members                      sale = KEYS[1], events = KEYS[2], ...
    ARGV_AT.holds                     its number, from 1
    HOLD.count                        how many fields the layout has
    HOLD.names                        status, version, ...
    HOLD.names(areas, buyer)          the same from one field to another
    HOLD.values(hold)                 hold.status, hold.version, ...
    HOLD.values(hold, status, total)  the same from one field to another
    HOLD.texts                        'status', 'version', ...
    HOLD.items(list, at)              list[at], list[at + 1], ...; without `at` from 1 on
    HOLD.members(list, at)            status = list[at], version = list[at + 1], ...; likewise
    HOLD.version(list, at)            list[at + 1], of one field; likewise
    AREA.of(price = 3, area = 1, quantity = 2)
                                      1, 2, 3: in the order of the layout; no field may be missing
    HOLD.version                      its number, from 1
    HOLD.head                         how a msgpack array of it begins, as a string
    TEXT.buyer                        that word as msgpack packs it, as a string
    SEGMENT_RECORD.format, .size      of a packed record: for struct.unpack, and in bytes

Arguments have no comments and no tables, and brackets at most in one another; what `of` is given
is `name = value`, with spaces. A name that is not declared is refused. Numbers carry their name as
a comment; comments of the script are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Final

from holdfast_lua.bundle.header import Header
from holdfast_lua.calls import constants, hold_terms, line_status, records, replies
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.layouts import Fields, Packed, pack_array
from holdfast_lua.calls.line_status import DrawState, LineMode
from holdfast_lua.errors import BundleError

_ENUMS: Final[Mapping[str, type[IntEnum]]] = {
    "CODE": Code,
    "STATUS": records.HoldStatus,
    "MODE": LineMode,
    "DRAW": DrawState,
    "SEATS": records.SeatsAsked,
}
Layout = Fields | Packed
NUMBERS: Final[Mapping[str, Mapping[str, float]]] = {
    **{name: {member.name: int(member) for member in enum} for name, enum in _ENUMS.items()},
    "CONST": {name: value for name, value in vars(constants).items() if name.isupper()},
}
LAYOUTS: Final[Mapping[str, Layout]] = {
    name: value
    for module in (records, hold_terms, line_status, replies)
    for name, value in vars(module).items()
    if isinstance(value, Layout)
}

_NESTED: Final = r"[^()]|\([^()]*\)"
_USE: Final = re.compile(rf"--[^\n]*|\b([A-Z][A-Z_]*)\.(\w+)(?:\(((?:{_NESTED})*)\))?")
_ARGUMENT: Final = r"(?:'[^'\n]*'|\([^()]*\)|[^(),'{}])+"
_ARGUMENTS: Final = re.compile(rf"{_ARGUMENT}(?:,{_ARGUMENT})*")
_GIVEN: Final = re.compile(r"(\w+) = (.+)", re.DOTALL)


def substitute(script: str, text: str, header: Header) -> str:
    """`text` with everything written out; raises BundleError for what is not declared."""
    tables = {"KEYS": header.keys.names, "ARGV": header.args.names}

    def write(match: re.Match[str]) -> str:
        table, name, arguments = match.groups()
        if table is None:  # a comment
            return match[0]
        try:
            if table in NUMBERS or table in ("TEXT", "SEAT"):
                return _constant(table, name, arguments)
            if table in tables and name == "members":
                places = enumerate(tables[table], start=1)
                return ", ".join(f"{key} = {table}[{number}]" for number, key in places)
            if (place := table.removesuffix("_AT")) in tables:
                number = tables[place].index(name) + 1
                return str(number) if table != place else f"{place}[{number}]"
            if table in LAYOUTS:
                return _USE.sub(write, _lay_out(LAYOUTS[table], name, arguments))
        except (LookupError, ValueError, TypeError, AttributeError):
            raise BundleError(f"{script}: nothing is declared as {match[0]!r}") from None
        return match[0]

    return _USE.sub(write, text)


def _constant(table: str, name: str, arguments: str | None) -> str:
    if arguments is not None:
        raise ValueError("a constant is not called")
    if table == "TEXT":
        return _string(pack_array(name))
    if table == "SEAT":
        return f"'{records.SeatState[name]}'"
    return f"({NUMBERS[table][name]} --[[{name}]])"


def _lay_out(layout: Layout, what: str, arguments: str | None) -> str:
    given = [] if arguments is None else _split(arguments)
    if what == "of":
        return _arrange(layout, given)
    if what in _WRITERS:
        return _WRITERS[what](layout, *given)
    return _item(layout.names.index(what), *given)


def _split(arguments: str) -> list[str]:
    """The arguments, between commas that stand outside of brackets and strings."""
    if "--" in arguments or not _ARGUMENTS.fullmatch(arguments):
        raise ValueError("a comment, a table, a bracket within two others or in a string")
    return [argument.strip() for argument in re.findall(_ARGUMENT, arguments)]


def _arrange(layout: Layout, given: Sequence[str]) -> str:
    found = [_GIVEN.fullmatch(one) for one in given]
    values = {one[1]: one[2] for one in found if one is not None}
    if not len(given) == len(values) == len(layout.names):
        raise ValueError("a field is missing, or given twice")
    return ", ".join(values[name] for name in layout.names)


def _names(layout: Layout, first: str = "", last: str = "") -> str:
    return ", ".join(_between(layout, first, last))


def _values(layout: Layout, of: str, first: str = "", last: str = "") -> str:
    return ", ".join(f"{of}.{name}" for name in _between(layout, first, last))


def _items(layout: Layout, of: str, at: str = "") -> str:
    return ", ".join(_item(place, of, at) for place in range(len(layout.names)))


def _members(layout: Layout, of: str, at: str = "") -> str:
    places = enumerate(layout.names)
    return ", ".join(f"{name} = {_item(place, of, at)}" for place, name in places)


def _head(layout: Fields) -> str:
    return _string(layout.head)


def _string(value: bytes) -> str:
    """Bytes as Lua writes them."""
    return "'{}'".format("".join(f"\\{byte:03}" for byte in value))


def _between(layout: Layout, first: str = "", last: str = "") -> tuple[str, ...]:
    names = layout.names
    return names[names.index(first) : names.index(last) + 1] if first else names


def _item(place: int, of: str = "", at: str = "") -> str:
    """The item at a place, from 0, of a list, or of the group in it that begins at `at`."""
    if not of:
        return str(place + 1)
    if not at:
        return f"{of}[{place + 1}]"
    return f"{of}[{at} + {place}]" if place else f"{of}[{at}]"


_WRITERS: Final[Mapping[str, Callable[..., str]]] = {
    "count": lambda layout: str(len(layout.names)),
    "names": _names,
    "values": _values,
    "texts": lambda layout: ", ".join(f"'{name}'" for name in layout.names),
    "items": _items,
    "members": _members,
    "head": _head,
    "format": lambda layout: f"'{layout.lua_format}'",
    "size": lambda layout: str(layout.size),
}
