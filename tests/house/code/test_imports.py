"""Who may import the HTTP framework, and that no module imports itself by way of others."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support.source_tree import (
    COMPUTED,
    PROGRAMS,
    ROOT,
    SERVICE,
    Module,
    imported_names,
    plant,
    read_modules,
)

FRAMEWORK = "aiohttp"
HTTP_PACKAGE = "web/holdfast_web/"
ADAPTER = "connector/holdfast_connector/aiohttp.py"
COMMANDS = "holdfast/cli/group.py"
"""imports the module of a command once it is called, by a name of its own table"""


def framework_importers(root: Path) -> list[str]:
    """The files of the service that know the HTTP framework and are not about HTTP.

    A name that another module has from the framework is the framework's.
    """
    modules = read_modules(root)
    return [
        module.path
        for module in modules.values()
        if not _may_know_http(module.path)
        and any(_is_foreign(use.name, modules) for use in module.uses if use.kind != "call")
    ]


def _may_know_http(path: str) -> bool:
    return "/http/" in path or path.startswith(HTTP_PACKAGE) or path == ADAPTER


def _is_foreign(name: str, modules: Mapping[str, Module]) -> bool:
    while (home := modules.get(name.rpartition(".")[0])) and home.name != name:
        within = home.bindings.get(name.rpartition(".")[2])
        if within is None or within == name:
            break
        name = within
    return name.partition(".")[0] == FRAMEWORK


def computed_imports(root: Path) -> list[str]:
    """Where what is imported is only known when it runs, so that no test can tell what it is."""
    return [
        f"{module.path}:{use.line}"
        for module in read_modules(root).values()
        for use in module.uses
        if use.name == COMPUTED and module.path != COMMANDS
    ]


def import_circle(root: Path) -> list[str]:
    """The modules of one circle of imports, its first again at the end; empty without one."""
    modules = read_modules(root, (*SERVICE, *PROGRAMS))
    graph = {name: set(_imported(module, modules)) - {name} for name, module in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        return list(circle.args[1])
    return []


def _imported(module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    """The modules that are imported, as a type only and in functions too.

    With a module Python imports the packages that it is in, but those of the importer are there.
    """
    for name in imported_names(module):
        target = name if name in modules else name.rpartition(".")[0]
        if target in modules:
            yield target
        while target := target.rpartition(".")[0]:
            if target in modules and not f"{module.name}.".startswith(f"{target}."):
                yield target


def test_only_what_is_about_http_imports_the_framework() -> None:
    assert framework_importers(ROOT) == []


def test_framework_where_http_is_known_is_no_breach(tmp_path: Path) -> None:
    plant(tmp_path, "queue/holdfast_queue/http/routes.py", "from aiohttp import web")
    plant(tmp_path, "web/holdfast_web/request/body.py", "import aiohttp")
    plant(tmp_path, "connector/holdfast_connector/aiohttp.py", "from aiohttp import web")
    assert framework_importers(tmp_path) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    from aiohttp import web",
        "import aiohttp.web as web",
        "import importlib\nweb = importlib.import_module('aiohttp.web')",
        "from importlib import import_module as load\nweb = load('aiohttp')",
        "web = __import__('aiohttp').web",
        "from holdfast_web.body import web",
        "from holdfast_web.again import handlers",
        "import holdfast_web.body as body\nbody.web.Request",
    ],
)
def test_framework_in_the_domain_is_found(source: str, tmp_path: Path) -> None:
    plant(tmp_path, "web/holdfast_web/body.py", "from aiohttp import web\nLIMIT = web.LIMIT")
    plant(tmp_path, "web/holdfast_web/again.py", "from holdfast_web.body import web as handlers")
    plant(tmp_path, "holdfast/fine.py", "from holdfast_web.body import LIMIT")
    plant(tmp_path, "queue/holdfast_queue/line/room.py", source)
    assert framework_importers(tmp_path) == ["queue/holdfast_queue/line/room.py"]


def test_imports_are_written_out() -> None:
    assert computed_imports(ROOT) == []


def test_computed_import_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "holdfast/a.py", "from importlib import import_module\nimport_module(name)")
    plant(tmp_path, "holdfast/b.py", "__import__('aio' + 'http')\n__import__('json')")
    assert computed_imports(tmp_path) == ["holdfast/a.py:2", "holdfast/b.py:1"]


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert import_circle(ROOT) == []


def test_circle_through_types_and_functions_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "holdfast/a.py", "if TYPE_CHECKING:\n    from holdfast.b import B")
    plant(tmp_path, "holdfast/b.py", "def f():\n    from .c import g")
    plant(tmp_path, "holdfast/c.py", "")
    assert import_circle(tmp_path) == []
    plant(tmp_path / "closed", "holdfast/a.py", "if TYPE_CHECKING:\n    from holdfast.b import B")
    plant(tmp_path / "closed", "holdfast/b.py", "def f():\n    from .c import g")
    plant(
        tmp_path / "closed", "holdfast/c.py", "import importlib as i\ni.import_module('holdfast.a')"
    )
    circle = import_circle(tmp_path / "closed")
    assert sorted(circle[1:]) == ["holdfast.a", "holdfast.b", "holdfast.c"]


def test_circle_through_a_package_is_found(tmp_path: Path) -> None:
    """`import p.b` runs `p/__init__.py` first, whether or not the importer needs it."""
    plant(tmp_path, "holdfast/p/__init__.py", "from holdfast.p.d import D")
    plant(tmp_path, "holdfast/p/b.py", "")
    plant(tmp_path, "holdfast/p/d.py", "from holdfast.c import C\nfrom holdfast.p.b import B")
    plant(tmp_path, "holdfast/c.py", "from holdfast.p.b import B")
    assert sorted(import_circle(tmp_path)[1:]) == ["holdfast.c", "holdfast.p", "holdfast.p.d"]
