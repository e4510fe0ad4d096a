"""CONTRIBUTING.md: what its recipes name is there, and its table of rules has every rule test."""

import re
from pathlib import Path
from typing import Final

from support.source_tree import ROOT, plant

PAGE: Final = ROOT / "CONTRIBUTING.md"
HOUSE: Final = "tests/house"
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


def rules_without_a_row(text: str, root: Path) -> list[str]:
    """The tests of the house that the table of rules does not name."""
    table = text.partition("\n| Rule | Test |\n")[2].partition("\n\n")[0]
    named = set(_CODE.findall("\n".join(row.split("|")[2] for row in table.splitlines())))
    tests = {path.relative_to(root).as_posix() for path in (root / HOUSE).rglob("test_*.py")}
    return sorted(tests - named)


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


def test_every_rule_test_is_in_the_table() -> None:
    assert rules_without_a_row(PAGE.read_text(encoding="utf-8"), ROOT) == []


def test_rule_test_without_a_row_is_found(tmp_path: Path) -> None:
    for name in ("code/test_named.py", "suite/test_elsewhere.py", "documents/test_forgotten.py"):
        plant(tmp_path, f"{HOUSE}/{name}", "")
    text = f"""
| Rule | Test |
| --- | --- |
| Names `{HOUSE}/suite/test_elsewhere.py` | `make it`, `{HOUSE}/code/test_named.py` |

`{HOUSE}/documents/test_forgotten.py`
"""
    missing = [f"{HOUSE}/documents/test_forgotten.py", f"{HOUSE}/suite/test_elsewhere.py"]
    assert rules_without_a_row(text, tmp_path) == missing


def test_every_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", PAGE.read_text(encoding="utf-8")))
    assert len(named) >= 8
    assert named - targets == set()


def test_every_kind_of_change_has_a_recipe_that_names_its_files() -> None:
    recipes = re.findall(r"^### (.*)\n((?:(?!^##).*\n)+)", PAGE.read_text("utf-8"), re.MULTILINE)
    assert tuple(name for name, _ in recipes) == KINDS
    assert [name for name, text in recipes if len(named_paths(text)) < 3] == []
