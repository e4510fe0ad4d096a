"""The sources of the repository, or of a planted tree of the same layout, for tests/house."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final, Literal, NamedTuple

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


COMPUTED: Final = "<computed>"
"""for the name of an import that is only known when it runs"""
_IMPORTERS: Final = {"import_module", "__import__"}


class Use(NamedTuple):
    """A name that a module uses: imported, read as an attribute, or called."""

    name: str
    """in full, as far as imports tell: `asyncio.Task` for `Task` of `from asyncio import Task`"""
    line: int
    kind: Literal["import", "attribute", "call"]

    @property
    def last(self) -> str:
        """The part of the name behind its last dot."""
        return self.name.rpartition(".")[2]

    @property
    def first(self) -> str:
        """The part of the name before its first dot."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Module:
    """One Python file of a package; what is found in it is found once in a process."""

    name: str
    """as it is imported"""
    path: str
    """below the root"""
    source: str

    @property
    def package(self) -> str:
        """The package whose relative imports these would be."""
        return self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]

    @cached_property
    def tree(self) -> ast.Module:
        """The file as Python reads it."""
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of the tree, in the order of `ast.walk`."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def bindings(self) -> Mapping[str, str]:
        """What each name that the module binds by an import is in full."""
        bound: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                bound |= {
                    alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names
                }
        return bound

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """What the module imports, in whatever way, the attributes it reads and what it calls."""
        return tuple(use for node in self.nodes for use in self._uses_of(node))

    def full_name(self, node: ast.AST) -> str:
        """A name or attribute in full, by the imports; `.name` is an attribute of a result."""
        if isinstance(node, ast.Name):
            return self.bindings.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.full_name(node.value)}.{node.attr}"
        return ""

    def _uses_of(self, node: ast.AST) -> Iterator[Use]:
        if isinstance(node, ast.Import):
            yield from (Use(alias.name, node.lineno, "import") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = self._absolute(node)
            yield from (Use(f"{base}.{a.name}", node.lineno, "import") for a in node.names)
        elif isinstance(node, ast.Attribute):
            yield Use(self.full_name(node), node.lineno, "attribute")
        elif isinstance(node, ast.Call):
            called = Use(self.full_name(node.func), node.lineno, "call")
            yield called
            if called.last in _IMPORTERS:
                yield Use(_text(node.args[:1]) or COMPUTED, node.lineno, "import")
            elif called.last == "getattr" and (attribute := _text(node.args[1:2])):
                name = f"{self.full_name(node.args[0])}.{attribute}"
                yield Use(name, node.lineno, "attribute")

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        kept = parts[: len(parts) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


def _text(arguments: Sequence[ast.expr]) -> str:
    """The argument, if it is a text that is written out."""
    match arguments:
        case [ast.Constant(value=str(text))]:
            return text
    return ""


def read_modules(root: Path, folders: tuple[str, ...] = SERVICE) -> Mapping[str, Module]:
    """The modules below these folders, by name; folders that are not there have none."""
    return {module.name: module for folder in folders for module in _modules_of(root, folder)}


@cache
def _modules_of(root: Path, folder: str) -> tuple[Module, ...]:
    return tuple(_read(root, folder, path) for path in sorted((root / folder).rglob("*.py")))


def _read(root: Path, folder: str, path: Path) -> Module:
    parts = path.relative_to((root / folder).parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path.relative_to(root).as_posix(), path.read_text("utf-8"))


def imported_names(module: Module) -> Iterator[str]:
    """What the module imports, wherever: `a.b` of `import a.b`, `a.b.c` of `from a.b import c`."""
    return (use.name for use in module.uses if use.kind == "import")


def plant(root: Path, path: str, source: str) -> None:
    """Writes a file of a planted tree."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
