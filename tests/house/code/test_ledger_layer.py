"""The ledger knows neither HTTP nor the store, and fails with errors of its own."""

import ast
import builtins
from pathlib import Path
from typing import Final

import pytest
from support.source_tree import ROOT, imported_names, plant, read_modules

LEDGER: Final = "ledger/holdfast_ledger"
BELOW: Final = {"holdfast_ledger", "holdfast_tasks"}
"""the packages of ours that the ledger may know"""
FOREIGN: Final = {
    *("aiohttp", "http", "httpx", "urllib3", "requests"),
    *("redis", "valkey", "hiredis", "coredis", "glide"),
}
BASE: Final = "LedgerError"
INSIDE: Final = {"UnitsTaken"}
"""errors that never leave the ledger"""
SETTINGS: Final = f"{LEDGER}/database/ledger_url.py"
"""reads a setting: what cannot be used is a ValueError there, as for every setting"""
_BUILT_IN: Final = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}


def foreign_imports(root: Path) -> list[str]:
    """What the ledger imports of HTTP, of the store, and of those beside and above it."""
    return [
        f"{module.path}: {name}"
        for module in read_modules(root, (LEDGER,)).values()
        for name in imported_names(module)
        if (package := name.partition(".")[0]) in FOREIGN
        or (package.startswith("holdfast") and package not in BELOW)
    ]


def stray_errors(root: Path) -> list[str]:
    """The public exceptions of the ledger that do not derive from its base."""
    classes = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for module in read_modules(root, (LEDGER,)).values()
        for node in module.nodes
        if isinstance(node, ast.ClassDef)
    }

    def ancestors(name: str) -> set[str]:
        bases = classes.get(name, [])
        return {name, *bases}.union(*(ancestors(base) for base in bases))

    return [
        name
        for name in classes
        if any(base in _BUILT_IN or base.endswith("Error") for base in ancestors(name) - {name})
        and BASE not in ancestors(name)
        and name not in INSIDE
        and not name.startswith("_")
    ]


def raised_built_ins(root: Path) -> list[str]:
    """Where the ledger raises an error of Python instead of one of its own."""
    return [
        f"{module.path}:{node.lineno}"
        for module in read_modules(root, (LEDGER,)).values()
        for node in module.nodes
        if isinstance(node, ast.Raise)
        and node.exc is not None
        and module.path != SETTINGS
        and _class_of(node.exc) in _BUILT_IN
    ]


def _class_of(raised: ast.expr) -> str:
    return ast.unparse(raised.func if isinstance(raised, ast.Call) else raised)


def test_ledger_imports_nothing_of_http_or_of_the_store() -> None:
    assert foreign_imports(ROOT) == []


def test_errors_of_the_ledger_have_one_base() -> None:
    assert stray_errors(ROOT) == []


def test_ledger_raises_errors_of_its_own() -> None:
    assert raised_built_ins(ROOT) == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def f():\n    from holdfast_web.errors import Code", "holdfast_web.errors.Code"),
        ("from holdfast_lua.errors import StoreError", "holdfast_lua.errors.StoreError"),
        ("import holdfast", "holdfast"),
        ("from holdfast import config", "holdfast.config"),
        ("import holdfast_console.api", "holdfast_console.api"),
        ("import holdfast_connector", "holdfast_connector"),
        ("import holdfast_metrics", "holdfast_metrics"),
        ("import valkey", "valkey"),
        ("from hiredis import Reader", "hiredis.Reader"),
        ("__import__('http.client')", "http.client"),
    ],
)
def test_what_the_ledger_must_not_know_is_found(source: str, name: str, tmp_path: Path) -> None:
    plant(tmp_path, f"{LEDGER}/a.py", source)
    plant(tmp_path, f"{LEDGER}/b.py", "from holdfast_tasks import start_task\nimport sqlalchemy")
    assert foreign_imports(tmp_path) == [f"{LEDGER}/a.py: {name}"]


@pytest.mark.parametrize(
    "base",
    [
        "Exception",
        "RuntimeError",
        "ValueError",
        "BaseException",
        "exc.SQLAlchemyError",
        "TimeoutError",
    ],
)
def test_error_without_the_base_is_found(base: str, tmp_path: Path) -> None:
    plant(
        tmp_path,
        f"{LEDGER}/errors.py",
        "class LedgerError(Exception): ...\n"
        "class Gone(LedgerError): ...\n"
        "class LongGone(Gone, ValueError): ...\n"
        f"class Stray({base}): ...\n"
        "class Strayed(Stray): ...\n"
        "class _Private(Exception): ...\n"
        "class Plain(Generic[T]): ...\n",
    )
    assert stray_errors(tmp_path) == ["Stray", "Strayed"]


def test_raised_error_of_python_is_found(tmp_path: Path) -> None:
    raising = "def f():\n    raise ValueError('no such URL')\ndef g(): raise RuntimeError"
    plant(tmp_path, f"{LEDGER}/a.py", raising)
    plant(tmp_path, f"{LEDGER}/b.py", "try: f()\nexcept OSError as error: raise Gone() from error")
    plant(tmp_path, SETTINGS, raising)
    assert raised_built_ins(tmp_path) == [f"{LEDGER}/a.py:2", f"{LEDGER}/a.py:3"]
