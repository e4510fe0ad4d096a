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
    for path, text in edited_texts(edits):
        (directory / path).write_text(text, encoding="utf-8")
    return load_bundle(directory, overlay={"clock": clock})


def edited_texts(edits: Edits) -> list[tuple[Path, str]]:
    """Each of the scripts that are edited, below the folder of all; every edit applies once."""
    texts = []
    for name, (old, new) in edits.items():
        path = _found(LUA_DIR, name)
        text, count = re.subn(old, new, path.read_text(encoding="utf-8"))
        assert count == 1, f"{name}: {old!r} stands there {count} times"
        texts.append((path.relative_to(LUA_DIR), text))
    return texts


def _found(directory: Path, name: str) -> Path:
    kind = "include" if name.startswith("include/") else "scripts"
    (path,) = (directory / kind).rglob(Path(name).name)
    return path
