"""Scripts with something taken out of them, to see whether a test notices."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from holdfast_lua import Bundle, load_bundle
from holdfast_lua.bundle.loader import LUA_DIR

Edits = Mapping[str, tuple[str, str]]
"""a script, or `include/` and an include -> a pattern that is in it once, and its replacement"""


def edited_bundle(edits: Edits, scratch: Path, clock: Path) -> Bundle:
    """The scripts with these edits, made in a copy below `scratch`, and with this clock."""
    directory = scratch / "lua"
    shutil.copytree(LUA_DIR, directory, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, (old, new) in edits.items():
        path = _found(directory, name)
        text = path.read_text(encoding="utf-8")
        edited, count = re.subn(old, new, text)
        assert count == 1, f"{name}: {old!r} stands there {count} times"
        path.write_text(edited, encoding="utf-8")
    return load_bundle(directory, overlay={"clock": clock})


def _found(directory: Path, name: str) -> Path:
    kind = "include" if name.startswith("include/") else "scripts"
    (path,) = (directory / kind).rglob(Path(name).name)
    return path
