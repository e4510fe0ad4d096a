"""Reads the header block of a script file: its signature and flags.

The header is the leading run of comment lines. Its machine-read parts are

    -- KEYS                                    or  -- KEYS: none
    --   1 sale    HASH  guard and counters
    --   2 events  STREAM
    -- ARGV
    --   1 epoch     integer
    --   2 revision  integer
    --   3 seat...   dense index, one or more times
    -- flags: no-writes
    -- joins: 64

`joins` is how many calls of one tick the executor may send as one: see hold_batch.py.

A number must follow its predecessor; a last name that ends in `...` may occur any number of times,
none included. Lines in between that carry no number continue the one above. Any other line that is
not indented (Returns, Complexity, Events) ends the section.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from holdfast_lua.errors import BundleError

_SECTION: Final = re.compile(r"^--\s?(KEYS|ARGV)\b:?\s*(none)?", re.IGNORECASE)
_ENTRY: Final = re.compile(r"^--\s{2,}(\d+)\s+(\S+)(.*)\Z")
_FLAGS: Final = re.compile(r"^--\s?flags:\s*(.+)\Z", re.IGNORECASE)
_JOINS: Final = re.compile(r"^--\s?joins:\s*(\d+)\s*\Z", re.IGNORECASE)
_OTHER: Final = re.compile(r"^--\s?\S")
_USE: Final = re.compile(r"\b(KEYS|ARGV)\[(\d+)\]")
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
            section = opened[1].upper()
            if section in entries:
                raise BundleError(f"{name}: {section} twice in the header")
            entries[section] = []
        elif declared := _FLAGS.match(line):
            section, flags = None, _read_flags(name, declared[1])
        elif joined := _JOINS.match(line):
            section, joins = None, int(joined[1])
        elif section is not None and (entry := _ENTRY.match(line)):
            _add_entry(name, section, entries[section], entry)
        elif _OTHER.match(line):
            section = None
    for wanted in ("KEYS", "ARGV"):
        if wanted not in entries:
            raise BundleError(f"{name}: the header has no {wanted} section")
    args = _signature(name, "ARGV", entries["ARGV"])
    if joins > 1 and not args.variadic:
        raise BundleError(f"{name}: calls can only join where the last of ARGV may repeat")
    return Header(_signature(name, "KEYS", entries["KEYS"]), args, flags, joins)


def check_uses(name: str, text: str, header: Header) -> None:
    """Refuses `KEYS[7]` or `ARGV[7]` in the code when the header does not declare it."""
    for use in _USE.finditer(text):
        signature = header.keys if use[1] == "KEYS" else header.args
        if int(use[2]) > signature.fixed and not signature.variadic:
            raise BundleError(f"{name}: {use[0]} is not in the header")


def _leading_comments(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line)
    return lines


def _add_entry(name: str, section: str, entries: list[str], entry: re.Match[str]) -> None:
    if int(entry[1]) != len(entries) + 1:
        raise BundleError(f"{name}: {section} {entry[1]} should be {len(entries) + 1}")
    variadic = entry[2].endswith("...") or entry[3].rstrip().endswith("...")
    entries.append(entry[2].rstrip(".") + ("..." if variadic else ""))


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
