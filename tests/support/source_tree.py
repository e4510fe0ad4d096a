"""The sources of the repository, or of a planted tree of the same layout, for tests/house."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SERVICE: Final = (
    "holdfast",
    "queue/holdfast_queue",
    "inventory/holdfast_inventory",
    "ledger/holdfast_ledger",
    "lua/holdfast_lua",
    "metrics/holdfast_metrics",
    "tasks/holdfast_tasks",
    "web/holdfast_web",
    "connector/holdfast_connector",
    "console/holdfast_console",
    "simulator/holdfast_simulator",
)
"""the folders of the packages that the service is made of"""
PROGRAMS: Final = (
    "demo/holdfast_demo",
    "loadtest/holdfast_loadtest",
    "monitoring/holdfast_monitoring",
)
"""packages beside the service: what shows, tries and watches it"""


@dataclass(frozen=True)
class Module:
    """One Python file of a package."""

    name: str
    """as it is imported"""
    path: str
    """below the root"""
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package whose relative imports these would be."""
        return self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]


def read_modules(root: Path, folders: tuple[str, ...] = SERVICE) -> Mapping[str, Module]:
    """The modules below these folders, by name; folders that are not there have none."""
    return {module.name: module for folder in folders for module in _modules_of(root, folder)}


@cache
def _modules_of(root: Path, folder: str) -> tuple[Module, ...]:
    return tuple(_read(root, folder, path) for path in sorted((root / folder).rglob("*.py")))


def _read(root: Path, folder: str, path: Path) -> Module:
    parts = path.relative_to((root / folder).parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path.relative_to(root).as_posix(), ast.parse(path.read_text("utf-8")))


def imported_names(module: Module) -> Iterator[str]:
    """What the module imports, wherever: `a.b` of `import a.b`, `a.b.c` of `from a.b import c`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.package.split(".")
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def plant(root: Path, path: str, source: str) -> None:
    """Writes a file of a planted tree."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
