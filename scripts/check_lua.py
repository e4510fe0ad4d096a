"""luacheck over every script as the store gets it: includes resolved, codes numbered.

The files are fragments of scripts, so what is checked is the loader's output. A function of an
include may be unused in one script; one that every script leaves unused is reported as dead code.

Without luacheck (Debian package lua-check) nothing is checked and that is said; where services are
required, as in CI, it is an error.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from holdfast_lua.bundle.loader import LUA_DIR, Bundle, production_bundle

# What the store adds to Lua 5.1; read-only to scripts.
GLOBALS: Final = ("KEYS", "ARGV", "redis", "server", "cmsgpack", "cjson", "struct", "bit")
_WARNING: Final = re.compile(r".*/(?P<script>\w+)\.lua:\d+:\d+: \((?P<code>\w+)\) (?P<text>.*)")
_UNUSED: Final = re.compile(r"(?:unused|value assigned to).* '?(?P<name>\w+)'?")
_LOCALS: Final = re.compile(r"^local (?:function )?([\w, ]+)", re.MULTILINE)


def main() -> int:
    luacheck = shutil.which("luacheck")
    if luacheck is None:
        required = os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1"
        print("luacheck is not installed (Debian package lua-check): scripts not checked")
        return 1 if required else 0
    bundle = production_bundle()
    warnings = list(_without_spare_includes(_run(luacheck, bundle)))
    print("\n".join(warnings) or f"luacheck: {len(bundle)} scripts are clean")
    return 1 if warnings else 0


def _run(luacheck: str, bundle: Bundle) -> list[str]:
    """luacheck's warnings, one a line."""
    with tempfile.TemporaryDirectory() as directory:
        files = [_write(Path(directory), name, bundle.rendered(name)) for name in bundle]
        options = ["--no-config", "--no-color", "--formatter", "plain", "--codes", "--std", "lua51"]
        options += ["--no-max-line-length", "--read-globals", *GLOBALS, "--"]
        command = [luacheck, *options, *files]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.stderr:
        raise RuntimeError(f"luacheck failed: {done.stderr}")
    return done.stdout.splitlines()


def _write(directory: Path, name: str, source: str) -> str:
    path = directory / f"{name}.lua"
    path.write_text(source, encoding="utf-8")
    return str(path)


def _without_spare_includes(lines: Iterable[str]) -> Iterator[str]:
    """Every warning, but for what a script leaves unused of an include and another one uses."""
    spare: dict[str, set[str]] = {}
    users = _users_of_include_locals()
    for line in filter(None, lines):
        found = _WARNING.fullmatch(line)
        if found is None:
            yield line
            continue
        unused = _UNUSED.fullmatch(found["text"]) if found["code"] == "W211" else None
        if unused is not None and unused["name"] in users:
            spare.setdefault(unused["name"], set()).add(found["script"])
            continue
        yield f"{found['script']}: ({found['code']}) {found['text']}"
    for name, scripts in sorted(spare.items()):
        if scripts == users[name]:
            yield f"include: {name} is used by no script"


def _users_of_include_locals() -> dict[str, set[str]]:
    """For each top-level local of an include, the scripts that it is rendered into."""
    bundle = production_bundle()
    paths = (LUA_DIR / "include").rglob("*.lua")
    names = {name for path in paths for name in _locals_of(path.read_text(encoding="utf-8"))}
    defined = {script: set(_locals_of(bundle.rendered(script))) for script in bundle}
    return {name: {script for script in bundle if name in defined[script]} for name in names}


def _locals_of(source: str) -> Iterator[str]:
    for names in _LOCALS.findall(source):
        yield from (name.strip() for name in names.split(","))


if __name__ == "__main__":
    sys.exit(main())
