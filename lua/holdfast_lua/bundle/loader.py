"""Turns the script files into what the store runs, and refuses what does not fit together.

Each `scripts/<group>/<verb_noun>.lua` opens with a header that is read by people AND by this
loader: the names behind KEYS and ARGV are the signature that every call is checked against, so a
header cannot go stale unnoticed. Lines `-- include: name` and `-- lazy: name` above
the code pull in what else it needs (includes.py); what is declared in Python, such as `CODE.NAME`
or a layout, is written out (substitutes.py); `-- flags: no-writes` (or allow-oom) becomes the
`#!lua` line, which every script gets because only such scripts are refused BEFORE they run when
memory is short.

A `Bundle` is immutable and made once per process. Tests overlay single includes (the clock) with
`load_bundle(overlay=...)`; nothing else differs between what is tested and what goes on sale.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final, Self

from holdfast_lua.bundle.header import Signature, read_header
from holdfast_lua.bundle.includes import Resolver
from holdfast_lua.bundle.substitutes import substitute
from holdfast_lua.errors import BundleError

LUA_DIR: Final = Path(__file__).parents[1]
_COMMAND: Final = re.compile(r"redis\.call\('([A-Za-z]+)'")
_GUARDED_KEYS: Final = ("sale",)
_GUARDED_ARGS: Final = ("epoch", "revision")


@dataclass(frozen=True, slots=True)
class Script:
    """One script, ready to be sent: `source` is exactly what the store compiles."""

    name: str
    source: str
    sha: str
    keys: Signature
    args: Signature
    writes: bool
    joins: int = 1

    def check(self, key_count: int, arg_count: int) -> None:
        """Raises BundleError when a call does not fit the header."""
        if not (self.keys.accepts(key_count) and self.args.accepts(arg_count)):
            raise BundleError(
                f"{self.name} takes {self.keys.describe('key')} and "
                f"{self.args.describe('argument')}, not {key_count} and {arg_count}"
            )


class Bundle:
    """All scripts by name. Each is read when first asked for, or all by `check`."""

    def __init__(self, files: Mapping[str, Path], includes: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._includes = dict(includes)
        self._scripts: dict[str, Script] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def __len__(self) -> int:
        return len(self._files)

    def script(self, name: str) -> Script:
        """The script of that name; an unknown name is a bug of ours."""
        script = self._scripts.get(name)
        if script is None:
            if name not in self._files:
                raise BundleError(f"no script named {name!r}")
            script = self._scripts[name] = _load_script(self._files[name], self._includes)
        return script

    def check(self) -> Self:
        """Reads every script; raises BundleError at the first that is malformed."""
        for name in self:
            self.script(name)
        return self

    @cached_property
    def commands(self) -> tuple[str, ...]:
        """Every command that a script runs: what the store's user must be allowed."""
        sources = [self.script(name).source for name in self]
        return tuple(sorted({word for text in sources for word in _COMMAND.findall(text)}))

    def rendered(self, name: str) -> str:
        """The final source of a script, as the store compiles it."""
        return self.script(name).source


def load_bundle(
    directory: Path = LUA_DIR,
    *,
    extra: Path | None = None,
    overlay: Mapping[str, Path] | None = None,
) -> Bundle:
    """Finds every script below `directory`/scripts, and in `extra` (scripts that only tests have).

    Includes are those below `directory`/include; `overlay` replaces some of them by name.
    """
    includes = {path.stem: path for path in sorted((directory / "include").rglob("*.lua"))}
    includes.update(overlay or {})
    files = sorted((directory / "scripts").rglob("*.lua"))
    if extra is not None:
        files += sorted(extra.glob("*.lua"))
    by_name: dict[str, Path] = {}
    for path in files:
        if path.stem in by_name:
            raise BundleError(f"two scripts are named {path.stem}")
        by_name[path.stem] = path
    return Bundle(by_name, includes)


@cache
def production_bundle() -> Bundle:
    """The scripts that go on sale, all checked, loaded once per process."""
    return load_bundle().check()


def _load_script(path: Path, includes: Mapping[str, Path]) -> Script:
    name = path.stem
    text = path.read_text(encoding="utf-8")
    header = read_header(name, text)
    body, used = Resolver(name, includes).resolve(text)
    if "guard" in used or header.joins > 1:
        _check_guarded(name, header.keys, header.args)
    flags = f" flags={','.join(header.flags)}" if header.flags else ""
    source = f"#!lua{flags}\n{substitute(name, body, header)}"
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    writes = "no-writes" not in header.flags
    return Script(name, source, sha, header.keys, header.args, writes, header.joins)


def _check_guarded(name: str, keys: Signature, args: Signature) -> None:
    if keys.names[:1] != _GUARDED_KEYS or args.names[:2] != _GUARDED_ARGS:
        raise BundleError(
            f"{name}: the first of KEYS is sale, and of ARGV epoch and revision, with a guard"
        )
