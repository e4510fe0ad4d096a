"""Resolves what a script is made of: its includes, each once in a scope, and its lazy parts.

Lines at the top of a script or an include, above its code, name what it needs:

    -- include: rows
    -- lazy: rare_paths

An include comes in place of its line unless the scope, or one around it, has it already. A lazy
part is an include that ends in `return`, wrapped in a function of its name: it is built when that
function is first called in a run and answers the same value from then on. Its scope is its own:
what it includes cannot be seen outside, and what stands above its line is not repeated in it.

Why lazy parts: a script is run from the top for every call, and to make a closure costs as much as
a small command. What a usual call does not need is kept from being made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from holdfast_lua.errors import BundleError

_LINE: Final = re.compile(r"-- (include|lazy): (\w+)\Z")
_MEANT: Final = re.compile(r"^\s*--\s*(include|lazy)\s*:", re.IGNORECASE)
_RETURN: Final = re.compile(r"^return\b", re.MULTILINE)

_LAZY: Final = """local {name}_built
local function build_{name}()
{body}
end
local function {name}()
  {name}_built = {name}_built or build_{name}()
  return {name}_built
end"""


class Resolved(NamedTuple):
    """A script's text with all of its parts, and the names of those."""

    text: str
    used: frozenset[str]


class Resolver:
    """Puts the parts of one script together."""

    def __init__(self, script: str, includes: Mapping[str, Path]) -> None:
        self._script = script
        self._includes = includes
        self._used: set[str] = set()

    def resolve(self, text: str) -> Resolved:
        """Raises BundleError when a part is missing, includes itself or stands below code."""
        return Resolved(self._place(text, set(), ()), frozenset(self._used))

    def _place(self, text: str, scope: set[str], within: tuple[str, ...]) -> str:
        """`text` with its parts; `scope` has the names that can be seen where it stands."""
        lines: list[str] = []
        above = True
        for line in text.rstrip("\n").splitlines():
            if _MEANT.match(line):
                lines.append(self._part(line, above, scope, within))
            else:
                above = above and (not line.strip() or line.startswith("--"))
                lines.append(line)
        return "\n".join(lines) + "\n"

    def _part(self, line: str, above: bool, scope: set[str], within: tuple[str, ...]) -> str:
        where = within[-1] if within else self._script
        directive = _LINE.match(line.rstrip())
        if directive is None or not above:
            raise BundleError(f"{self._script}: {line.strip()!r} is not at the top of {where}")
        kind, name = directive.groups()
        if name in within:
            raise BundleError(f"{self._script}: include cycle {' -> '.join((*within, name))}")
        if name in scope:
            return f"-- (above: {name})"
        scope.add(name)
        self._used.add(name)
        text = self._read(name)
        if kind == "include":
            return self._place(text, scope, (*within, name)).rstrip("\n")
        if not _RETURN.search(text):
            raise BundleError(f"{self._script}: the lazy part {name!r} returns nothing")
        body = self._place(text, set(scope), (*within, name)).rstrip("\n")
        return _LAZY.format(name=name, body=body)

    def _read(self, name: str) -> str:
        if name not in self._includes:
            raise BundleError(f"{self._script}: no include named {name!r}")
        return self._includes[name].read_text(encoding="utf-8")
