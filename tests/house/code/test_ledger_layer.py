"""The ledger knows neither HTTP nor the store, and fails with errors of its own."""

import ast
from pathlib import Path
from typing import Final

from support.source_tree import ROOT, imported_names, plant, read_modules

LEDGER: Final = "ledger/holdfast_ledger"
FOREIGN: Final = {"aiohttp", "redis", "holdfast_lua", "holdfast_queue", "holdfast_inventory"}
BASE: Final = "LedgerError"
INSIDE: Final = {"UnitsTaken"}
"""errors that never leave the ledger"""


def foreign_imports(root: Path) -> list[str]:
    """What the ledger imports of HTTP, of the store, and of those above it."""
    return [
        f"{module.path}: {name}"
        for module in read_modules(root, (LEDGER,)).values()
        for name in imported_names(module)
        if name.partition(".")[0] in FOREIGN or name.startswith(("holdfast.", "holdfast_web"))
    ]


def stray_errors(root: Path) -> list[str]:
    """The public exceptions of the ledger that do not derive from its base."""
    classes = {
        node.name: [ast.unparse(base) for base in node.bases]
        for module in read_modules(root, (LEDGER,)).values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }

    def ancestors(name: str) -> set[str]:
        bases = classes.get(name, [])
        return {name, *bases}.union(*(ancestors(base) for base in bases))

    return [
        name
        for name in classes
        if "Exception" in ancestors(name)
        and BASE not in ancestors(name)
        and name not in INSIDE
        and not name.startswith("_")
    ]


def test_ledger_imports_nothing_of_http_or_of_the_store() -> None:
    assert foreign_imports(ROOT) == []


def test_errors_of_the_ledger_have_one_base() -> None:
    assert stray_errors(ROOT) == []


def test_http_in_the_ledger_is_found(tmp_path: Path) -> None:
    plant(tmp_path, f"{LEDGER}/a.py", "def f():\n    from holdfast_web.errors import ErrorCode")
    plant(tmp_path, f"{LEDGER}/b.py", "from holdfast_tasks import start_task\nimport sqlalchemy")
    plant(tmp_path, f"{LEDGER}/c.py", "from holdfast_lua.errors import StoreError")
    assert foreign_imports(tmp_path) == [
        f"{LEDGER}/a.py: holdfast_web.errors.ErrorCode",
        f"{LEDGER}/c.py: holdfast_lua.errors.StoreError",
    ]


def test_error_without_the_base_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        f"{LEDGER}/errors.py",
        "class LedgerError(Exception): ...\n"
        "class Gone(LedgerError): ...\n"
        "class LongGone(Gone): ...\n"
        "class Stray(Exception): ...\n"
        "class _Private(Exception): ...\n",
    )
    assert stray_errors(tmp_path) == ["Stray"]
