"""The tree of the Lua files, and what is said of them elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

from holdfast_lua.bundle.loader import LUA_DIR

ROOT = Path(__file__).parents[2]
FILES_MAX = 15
_NAMED = re.compile(r"(?<![\w*])(?:(\w+)/)?(\w+)\.lua\b")
_READERS = ("docs/**/*.md", "docs/*.md", "lua/**/*.lua", "**/holdfast_*/**/*.py")


def missing(text: str, files: list[Path]) -> Iterator[str]:
    """What `text` says of a Lua file, with the folder before it, where no such file is."""
    for found in _NAMED.finditer(text):
        folder, name = found.groups()
        if not any(path.stem == name and folder in (None, path.parent.name) for path in files):
            yield found[0]


def test_lua_files_that_are_named_are_there() -> None:
    files = list(LUA_DIR.rglob("*.lua"))
    readers = {
        path for pattern in _READERS for path in ROOT.glob(pattern) if ".venv" not in path.parts
    }
    assert len(readers) > 200
    wrong = {
        str(path.relative_to(ROOT)): names
        for path in readers
        if (names := list(missing(path.read_text(encoding="utf-8"), files)))
    }
    assert not wrong


def test_lua_file_that_is_gone_is_found() -> None:
    files = [Path("include/line/calls.lua")]
    text = "see include/line/calls.lua and calls.lua; include/calls.lua, gone.lua"
    assert list(missing(text, files)) == ["include/calls.lua", "gone.lua"]


def test_folders_of_lua_are_small() -> None:
    folders = {path.parent for path in LUA_DIR.rglob("*.lua")}
    assert len(folders) >= 9
    large = {folder for folder in folders if len(list(folder.glob("*.lua"))) > FILES_MAX}
    assert not large
