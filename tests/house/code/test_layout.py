"""The folders and the imports: what lets the packages live beside the standard library."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.source_tree import PROGRAMS, ROOT, SERVICE, Module, read_modules

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50
FOLDERS = (
    "queue",
    "inventory",
    "ledger",
    "lua",
    "metrics",
    "tasks",
    "web",
    "connector",
    "console",
    "demo",
    "loadtest",
    "monitoring",
    "simulator",
)


def _python(*lines: str) -> str:
    """Python started at the repository root, with the root first on its path."""
    code = "\n".join(["import sys", f"sys.path.insert(0, {str(ROOT)!r})", *lines])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_standard_library_queue_wins_at_the_root() -> None:
    shown = _python("import queue", "print(queue.__file__, queue.SimpleQueue().qsize())")
    file, size = shown.rsplit(" ", 1)
    assert not Path(file).is_relative_to(ROOT)
    assert size == "0"


def test_what_needs_the_standard_queue_works_at_the_root() -> None:
    lines = ["import asyncio, redis.asyncio, logging.handlers, concurrent.futures"]
    lines += ["print(asyncio.run(asyncio.to_thread(lambda: 'ok')))"]
    assert _python(*lines) == "ok"


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_top_level_folder_is_no_package(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_holds_one_typed_package(folder: str) -> None:
    packages = [path.parent for path in (ROOT / folder).glob("*/__init__.py")]
    assert [package.name for package in packages] == [f"holdfast_{folder}"]
    assert (packages[0] / "py.typed").exists()


def test_import_layers_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _modules() -> Iterable[Module]:
    return read_modules(ROOT, (*SERVICE, *PROGRAMS)).values()


def test_modules_and_functions_stay_small() -> None:
    """Past these sizes it is two ideas."""
    too_long = []
    for module in _modules():
        if (lines := module.source.count("\n")) > MAX_MODULE_LINES:
            too_long.append(f"{module.path}: {lines} lines")
        for node in module.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    too_long.append(f"{module.path}:{node.lineno} {node.name}: {lines} lines")
    assert too_long == []


def test_every_module_says_why_it_exists() -> None:
    assert [module.path for module in _modules() if not ast.get_docstring(module.tree)] == []


def test_pattern_ends_where_the_text_does() -> None:
    """`$` also matches before a line feed at the end; \\Z does not."""
    loose = [
        f"{module.path}:{node.lineno}"
        for module in _modules()
        for node in module.nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("^")
        and node.value.endswith("$")
    ]
    assert loose == []


def test_query_is_read_where_its_text_is_checked() -> None:
    """`request.query` as it is has text that no database stores, and takes one of two values."""
    readers = {module.path for module in _modules() if "request.query" in module.source}
    assert readers == {
        "console/holdfast_console/http/forms.py",  # its own rules: pages for people
        "demo/holdfast_demo/shop/app.py",  # whether a name is there
        "queue/holdfast_queue/http/pages/visits.py",  # its own rules: a page for people
        "web/holdfast_web/request/taken_query.py",  # which names there are
        "web/holdfast_web/request/text.py",
    }
