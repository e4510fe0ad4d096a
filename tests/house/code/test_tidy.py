"""Folders stay small, and nothing is kept that nobody uses.

A folder that outgrows `FILES_MAX` holds two ideas. A module that nobody imports, a function that
nobody names and a helper that no test uses are forgotten, not finished.
"""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from support.source_tree import PROGRAMS, ROOT, SERVICE, imported_names, plant, read_modules

FILES_MAX: Final = 16
"""of one folder that are source, its `__init__.py` among them"""
SOURCES: Final = {".py", ".lua", ".js", ".html"}
COUNTED: Final = (*SERVICE, *PROGRAMS, "loadtest", "scripts", "examples", "tests")
FLAT: Final = {"console/holdfast_console/templates", "demo/holdfast_demo/shop/static"}
"""One template for each screen, by its name; modules that a browser loads by their paths."""
MIGRATIONS: Final = "ledger/holdfast_ledger/database/migrations/"
"""found by alembic, in order of their numbers"""
_WORD: Final = re.compile(r"\w+")
_DEFINED = re.compile(r"^(?:async def|def|class) (?!test_|pytest_|Test)(\w+)", re.MULTILINE)
"""what may be a definition: to parse all files takes seconds"""
_KINDS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def full_folders(root: Path) -> list[str]:
    """The folders with more source files than fit into a reader's head."""
    files = {path for folder in COUNTED for path in (root / folder).rglob("*")}
    counts = Counter(
        path.parent.relative_to(root).as_posix() for path in files if path.suffix in SOURCES
    )
    return [
        f"{folder}: {n} files"
        for folder, n in sorted(counts.items())
        if n > FILES_MAX and folder not in FLAT
    ]


def unused_modules(root: Path, texts: Mapping[str, str]) -> list[str]:
    """The modules that no other module imports and that no program, table or page names."""
    modules = read_modules(root, (*SERVICE, *PROGRAMS))
    imported: set[str] = set()
    for module in modules.values():
        for name in imported_names(module):
            imported |= {name, name.rpartition(".")[0]} - {module.name}
    others = {path: text for path, text in texts.items() if not path.startswith("tests/")}
    return [
        module.path
        for name, module in modules.items()
        if name not in imported
        and not module.path.endswith(("__init__.py", "__main__.py"))
        and not module.path.startswith(MIGRATIONS)
        and not any(name in text for path, text in others.items() if path != module.path)
    ]


def unused_definitions(texts: Mapping[str, str]) -> list[str]:
    """The top-level functions and classes whose name stands nowhere but in their definition.

    Fixtures and tests are found by pytest, commands by click, and hooks by their name.
    """
    words = Counter(word for text in texts.values() for word in _WORD.findall(text))
    return [
        f"{path}: {node.name}"
        for path, text in texts.items()
        if path.endswith(".py") and any(words[name] == 1 for name in _DEFINED.findall(text))
        for node in _definitions(ast.parse(text))
        if words[node.name] == 1
    ]


def _definitions(
    tree: ast.Module,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if not isinstance(node, _KINDS) or node.decorator_list:
            continue
        if not re.match(r"(?:test_|pytest_|Test)", node.name):
            yield node


def tracked_texts(root: Path) -> dict[str, str]:
    """The text files of the repository that can name a function, by their path."""
    command = ["git", "ls-files", "-z", "--", "*.py", "*.toml", "*.md", "*.lua", "Makefile"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    paths = [path for path in listed.split("\0") if path and (root / path).is_file()]
    return {path: (root / path).read_text("utf-8") for path in paths}


def test_folders_stay_small() -> None:
    assert full_folders(ROOT) == []


@pytest.mark.parametrize("suffix", sorted(SOURCES))
@pytest.mark.parametrize(
    "folder",
    ["queue/holdfast_queue/line", "loadtest/bench/kit/clients", "scripts", "tests/queue/tokens"],
)
def test_full_folder_is_found(folder: str, suffix: str, tmp_path: Path) -> None:
    for number in range(FILES_MAX + 1):
        plant(tmp_path, f"{folder}/m{number}{suffix}", "")
        plant(tmp_path, f"lua/holdfast_lua/include/{number % FILES_MAX}.lua", "")
        plant(tmp_path, f"lua/holdfast_lua/include/{number}.json", "")
        plant(tmp_path, f"console/holdfast_console/templates/{number}.html", "")
    assert full_folders(tmp_path) == [f"{folder}: {FILES_MAX + 1} files"]


def test_every_module_is_used() -> None:
    assert unused_modules(ROOT, tracked_texts(ROOT)) == []


def test_module_that_nobody_imports_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "holdfast/used.py", "from holdfast.self_centred import nothing")
    plant(tmp_path, "holdfast/__main__.py", "import holdfast.used")
    plant(tmp_path, "holdfast/self_centred.py", "")
    plant(tmp_path, "holdfast/started.py", "")
    plant(tmp_path, "holdfast/forgotten.py", "import holdfast.forgotten")
    texts = {"pyproject.toml": 'demo = "holdfast.started:main"'}
    assert unused_modules(tmp_path, texts) == ["holdfast/forgotten.py"]


def test_every_function_and_class_is_used() -> None:
    assert unused_definitions(tracked_texts(ROOT)) == []


def test_function_that_nobody_names_is_found() -> None:
    texts = {
        "tests/kit.py": "def helper(): ...\ndef forgotten(): ...\nclass Kept: ...",
        "tests/test_it.py": "from kit import helper, Kept\ndef test_it(): ...",
    }
    assert unused_definitions(texts) == ["tests/kit.py: forgotten"]
