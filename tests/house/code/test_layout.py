"""The folders and the imports: what lets the packages live beside the standard library."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
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


def _functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def _modules() -> list[Path]:
    roots = [ROOT / "holdfast", *(ROOT / folder for folder in FOLDERS)]
    return [path for root in roots for path in sorted(root.rglob("*.py"))]


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_modules_and_functions_stay_small() -> None:
    """Past these sizes it is two ideas."""
    too_long = []
    for path in _modules():
        name, source = path.relative_to(ROOT), path.read_text()
        if source.count("\n") > MAX_MODULE_LINES:
            too_long.append(f"{name}: {source.count(chr(10))} lines")
        for function in _functions(_parsed(path)):
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                too_long.append(f"{name}:{function.lineno} {function.name}: {lines} lines")
    assert too_long == []


def test_every_module_says_why_it_exists() -> None:
    silent = [str(path) for path in _modules() if not ast.get_docstring(_parsed(path))]
    assert silent == []


def test_pattern_ends_where_the_text_does() -> None:
    """`$` also matches before a line feed at the end; \\Z does not."""
    loose = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in _modules()
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("^")
        and node.value.endswith("$")
    ]
    assert loose == []


def test_query_is_read_where_its_text_is_checked() -> None:
    """`request.query` as it is has text that no database stores, and takes one of two values."""
    readers = {
        str(path.relative_to(ROOT)) for path in _modules() if "request.query" in path.read_text()
    }
    assert readers == {
        "console/holdfast_console/http/forms.py",  # its own rules: pages for people
        "demo/holdfast_demo/shop/app.py",  # whether a name is there
        "queue/holdfast_queue/http/pages/visits.py",  # its own rules: a page for people
        "web/holdfast_web/request/taken_query.py",  # which names there are
        "web/holdfast_web/request/text.py",
    }
