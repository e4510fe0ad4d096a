"""CONTRIBUTING.md: the files that its recipes name are there, and so are its targets of make."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = ROOT / "CONTRIBUTING.md"
PATHS_MIN: Final = 40
_CODE: Final = re.compile(r"`([^`\n]+)`")
_PATH: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?")
_LEFT_BY_RUNNING: Final = {".holdfast/", ".venv/"}
KINDS: Final = (
    "A setting of the service",
    "A script of the store",
    "An endpoint",
    "An error code",
    "A metric",
    "A panel of a dashboard, or an alert",
    "An event",
    "A migration of the ledger",
    "A screen of the console",
    "A language of the waiting page",
)


def named_paths(text: str) -> set[str]:
    """The paths of files and folders that a page names as code, alone or in a command."""
    words = {word for code in _CODE.findall(text) for word in code.split() if "/" in word}
    return {word for word in words if _PATH.fullmatch(word)} - _LEFT_BY_RUNNING


def missing_paths(text: str, root: Path) -> list[str]:
    """The paths that a page names and that are not under `root`."""
    return sorted(path for path in named_paths(text) if not (root / path).exists())


def test_every_path_that_is_named_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = named_paths(text)
    assert len(named) >= PATHS_MIN
    assert missing_paths(text, ROOT) == []


def test_path_that_is_gone_is_found(tmp_path: Path) -> None:
    (tmp_path / "lua").mkdir()
    (tmp_path / "lua" / "kept.lua").touch()
    text = '`lua/kept.lua`, `lua/gone.lua`, `make test ARGS="lua/moved.lua -k x"` and `a word`'
    assert missing_paths(text, tmp_path) == ["lua/gone.lua"]


def test_every_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", PAGE.read_text(encoding="utf-8")))
    assert len(named) >= 8
    assert named - targets == set()


def test_every_kind_of_change_has_a_recipe_that_names_its_files() -> None:
    recipes = re.findall(r"^### (.*)\n((?:(?!^##).*\n)+)", PAGE.read_text("utf-8"), re.MULTILINE)
    assert tuple(name for name, _ in recipes) == KINDS
    assert [name for name, text in recipes if len(named_paths(text)) < 3] == []
