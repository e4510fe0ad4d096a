"""Reads the header block of a script file: its signature and flags.

The header is the leading run of comment lines. Its machine-read parts are

    -- KEYS: sale events              or  -- KEYS: none
    -- ARGV: epoch revision
    --   owner    buyer who asks, empty = platform
    --   seat...  dense index
    -- flags: no-writes
    -- joins: 64

`joins` is how many calls of one tick the executor may send as one: see hold_batch.py.

Keys and arguments are named in their order: on the line itself, and then, where there is something
to say of one, on lines of their own that are indented by three spaces; lines that are indented
further go on with what is said. What the keys are is in calls/keys.py. A last name that ends in
`...` may occur any number of times, none included. Any other line that is not indented (Returns,
Complexity, Events) ends the section.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from holdfast_lua.errors import BundleError

Value = TypeVar("Value")

_SECTION: Final = re.compile(r"^-- (KEYS|ARGV):((?: \S+)*)\Z")
_ENTRY: Final = re.compile(r"^--   (\S+)")
_FLAGS: Final = re.compile(r"^--\s?flags:\s*(.+)\Z", re.IGNORECASE)
_JOINS: Final = re.compile(r"^--\s?joins:\s*(\d+)\s*\Z", re.IGNORECASE)
_OTHER: Final = re.compile(r"^--\s?\S")
_KNOWN_FLAGS: Final = frozenset({"no-writes", "allow-oom", "allow-stale"})


@dataclass(frozen=True, slots=True)
class Signature:
    """The names under KEYS or ARGV, in order; `variadic` when the last may repeat."""

    names: tuple[str, ...]
    variadic: bool = False

    @property
    def fixed(self) -> int:
        """How many must be there."""
        return len(self.names) - self.variadic

    def accepts(self, count: int) -> bool:
        """Whether a call may give that many."""
        return count >= self.fixed if self.variadic else count == self.fixed

    def arrange(self, values: Mapping[str, Value]) -> list[Value]:
        """`values` in the order of the names, of which each must have one and no other may."""
        if values.keys() != set(self.names):
            raise BundleError(f"{sorted(values.keys() ^ set(self.names))} do not fit {self.names}")
        return [values[name] for name in self.names]

    def describe(self, noun: str) -> str:
        """For messages: `at least 3 arguments`."""
        least = "at least " if self.variadic else ""
        return f"{least}{self.fixed} {noun}{'' if self.fixed == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Header:
    """What the loader takes from a header block."""

    keys: Signature
    args: Signature
    flags: tuple[str, ...]
    joins: int = 1


def read_header(name: str, text: str) -> Header:
    """Parses the header; raises BundleError naming the script and what is wrong."""
    entries: dict[str, list[str]] = {}
    flags: tuple[str, ...] = ()
    joins = 1
    section: str | None = None
    for line in _leading_comments(text):
        if opened := _SECTION.match(line):
            section = opened[1]
            if section in entries:
                raise BundleError(f"{name}: {section} twice in the header")
            entries[section] = [] if opened[2] == " none" else opened[2].split()
        elif declared := _FLAGS.match(line):
            section, flags = None, _read_flags(name, declared[1])
        elif joined := _JOINS.match(line):
            section, joins = None, int(joined[1])
        elif section is not None and (entry := _ENTRY.match(line)):
            entries[section].append(entry[1])
        elif _OTHER.match(line):
            section = None
    for wanted in ("KEYS", "ARGV"):
        if wanted not in entries:
            raise BundleError(f"{name}: the header has no {wanted} section")
    args = _signature(name, "ARGV", entries["ARGV"])
    if joins > 1 and not args.variadic:
        raise BundleError(f"{name}: calls can only join where the last of ARGV may repeat")
    return Header(_signature(name, "KEYS", entries["KEYS"]), args, flags, joins)


def _leading_comments(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line)
    return lines


def _signature(name: str, section: str, entries: list[str]) -> Signature:
    if any(entry.endswith("...") for entry in entries[:-1]):
        raise BundleError(f"{name}: only the last of {section} may repeat")
    variadic = bool(entries) and entries[-1].endswith("...")
    return Signature(tuple(entry.removesuffix("...") for entry in entries), variadic)


def _read_flags(name: str, text: str) -> tuple[str, ...]:
    flags = tuple(text.replace(",", " ").split())
    for flag in flags:
        if flag not in _KNOWN_FLAGS:
            raise BundleError(f"{name}: unknown flag {flag!r}")
    return flags
