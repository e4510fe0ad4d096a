"""The order of fields in what Python and Lua hand to each other, declared once, in Python.

A layout is used here to pack and unpack, and by the loader to write Lua (substitutes.py): no script
knows a position. `Fields` are those of a msgpack array, or of a flat list in which they come one
group after another; a `Packed` record has a fixed number of bytes, so that one of many can be read
from the middle of a string.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]  # it has no stubs

_LUA_TYPES: Final = {"B": "B", "H": "I2", "I": "I4"}
ARRAY_MAX: Final = 15
"""From here on the head of a msgpack array takes three bytes."""


class Fields:
    """Names in their order."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @classmethod
    def of(cls, record: type) -> Fields:
        """The fields of a dataclass or a struct."""
        return cls(*record.__annotations__)

    def from_(self, first: str) -> Fields:
        """The fields from `first` on."""
        return Fields(*self.names[self.names.index(first) :])

    def named(self, values: Sequence[Any]) -> dict[str, Any]:
        """`values` by the names of the fields; there must be one for each."""
        return dict(zip(self.names, values, strict=True))

    def groups(self, flat: Iterable[Any]) -> Iterable[tuple[Any, ...]]:
        """The groups of a flat list, each of which has one value for each field."""
        return zip(*[iter(flat)] * len(self.names), strict=True)

    @property
    def head(self) -> bytes:
        """The first bytes of a msgpack array of these fields."""
        count = len(self.names)
        return bytes([0x90 + count]) if count <= ARRAY_MAX else b"\xdc" + count.to_bytes(2)


class Packed:
    """A big-endian record of fixed size; each field has its type of `struct`: B, H or I."""

    def __init__(self, **types: str) -> None:
        self.names = tuple(types)
        self._struct = struct.Struct(f">{''.join(types.values())}")
        self.lua_format = f">{''.join(_LUA_TYPES[kind] for kind in types.values())}"
        self.size = self._struct.size
        self.pack = self._struct.pack


NIL: Final = b"\xc0"
_pack: Final = msgpack.Packer(autoreset=True, use_bin_type=False).pack


def pack_array(value: object) -> bytes:
    """A value as the scripts read it: bytes as strings, since cmsgpack knows no other."""
    packed: bytes = _pack(value)
    return packed


def pack_sequence(*values: object) -> bytes:
    """Values one behind another, without an array around them; at most ARRAY_MAX."""
    packed: bytes = _pack(values)
    return packed[1:]
