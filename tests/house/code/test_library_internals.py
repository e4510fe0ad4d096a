"""What aiohttp and prometheus-client keep to themselves is used in the named modules alone.

tests/web and tests/metrics tell how it has to behave there; pyproject.toml bounds the versions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from support.source_tree import PROGRAMS, ROOT, SERVICE, Module, plant, read_modules

SERVER: Final = "web/holdfast_web/server/"
HOMES: Final = {
    "aiohttp": (
        SERVER + "connection.py",
        SERVER + "matched_route.py",
        SERVER + "ready.py",
        SERVER + "request_loop.py",
        SERVER + "site.py",
    ),
    "prometheus_client": ("metrics/holdfast_metrics/library.py",),
}
DOCUMENTED: Final = {
    "aiohttp": {"aiohttp", "aiohttp.web", "aiohttp.hdrs", "aiohttp.typedefs"},
    "prometheus_client": {"prometheus_client"},
}
SUBMODULES: Final = {"values", "multiprocess", "mmap_dict"}
CLASSES: Final = (RequestHandler, web.Request, web.Response, web.Application, web.UrlDispatcher)
PRIVATE: Final = {
    name for kind in CLASSES for name in dir(kind) if name.startswith("_") and name[:2] != "__"
}


def internals(module: Module) -> Iterator[str]:
    """What `module` uses of the two libraries beyond their documented interfaces: modules, private
    names, and classes of aiohttp to inherit from, which share all private names of their base.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from _undocumented(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from _undocumented([node.module or ""])
            if (node.module or "").partition(".")[0] in HOMES:
                names = [alias.name for alias in node.names]
                yield from (name for name in names if name[0] == "_" or name in SUBMODULES)
        elif isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            yield from (base for base in bases if base.startswith(("web.", "aiohttp.")))
        elif isinstance(node, ast.Attribute) and node.attr in PRIVATE and not _own(node.value):
            yield ast.unparse(node)


def _own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def _undocumented(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        library = name.partition(".")[0]
        if library in HOMES and name not in DOCUMENTED[library]:
            yield name


def findings(root: Path) -> dict[str, list[str]]:
    """What each module uses of a library's internals, by path, outside of the homes."""
    homes = {home for paths in HOMES.values() for home in paths}
    modules = read_modules(root, SERVICE + PROGRAMS).values()
    used = {one.path: list(internals(one)) for one in modules if one.path not in homes}
    return {path: names for path, names in used.items() if names}


def test_internals_of_libraries_are_used_in_the_named_modules_alone() -> None:
    assert findings(ROOT) == {}


@pytest.mark.parametrize(
    "line",
    [
        "from aiohttp.web_protocol import RequestHandler",
        "import aiohttp.http_writer",
        "from aiohttp.http import _serialize",
        "from prometheus_client import values",
        "import prometheus_client.multiprocess",
        "class Mine(web.Response): pass",
        "request._match_info = None",
        "run(connection._messages)",
    ],
)
def test_internals_used_elsewhere_are_found(tmp_path: Path, line: str) -> None:
    """Beside the homes in their folder as well."""
    elsewhere = ["queue/holdfast_queue/http/poll.py", SERVER + "arrival.py"]
    for path in elsewhere:
        plant(tmp_path, path, f"from aiohttp import web\n{line}\n")
    assert sorted(findings(tmp_path)) == elsewhere


@pytest.mark.parametrize("home", [home for paths in HOMES.values() for home in paths])
def test_internals_are_used_where_they_are_at_home(home: str) -> None:
    assert any(list(internals(one)) for one in read_modules(ROOT).values() if one.path == home)
