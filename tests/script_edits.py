"""Scripts with something taken out of them, to see whether a test notices."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from holdfast_lua import Bundle, load_bundle
from holdfast_lua.bundle.loader import SCRIPT_DIR

Edits = Mapping[str, tuple[str, str]]
"""file below lua/holdfast_lua -> a pattern that is in it once, and what stands there instead"""


def edited_bundle(edits: Edits, scratch: Path, clock: Path) -> Bundle:
    """The scripts with these edits, made in a copy below `scratch`, and with this clock."""
    directory = scratch / "lua"
    shutil.copytree(SCRIPT_DIR, directory, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, (old, new) in edits.items():
        text = (directory / name).read_text(encoding="utf-8")
        edited, count = re.subn(old, new, text)
        assert count == 1, f"{name}: {old!r} stands there {count} times"
        (directory / name).write_text(edited, encoding="utf-8")
    return load_bundle(directory, overlay={"clock": clock})
