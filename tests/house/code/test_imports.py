"""Who may import the HTTP framework, and that no module imports itself by way of others."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from support.source_tree import PROGRAMS, ROOT, SERVICE, Module, imported_names, plant, read_modules

FRAMEWORK = "aiohttp"
HTTP_PACKAGE = "web/holdfast_web/"
ADAPTER = "connector/holdfast_connector/aiohttp.py"


def framework_importers(root: Path) -> list[str]:
    """The files of the service that import the HTTP framework and are not about HTTP."""
    return [
        module.path
        for module in read_modules(root).values()
        if any(name.partition(".")[0] == FRAMEWORK for name in imported_names(module))
        and not _may_know_http(module.path)
    ]


def _may_know_http(path: str) -> bool:
    return "/http/" in path or path.startswith(HTTP_PACKAGE) or path == ADAPTER


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
    """The modules that are imported, as a type only and in functions too."""
    for name in imported_names(module):
        if name in modules:
            yield name
        elif name.rpartition(".")[0] in modules:
            yield name.rpartition(".")[0]


def test_only_what_is_about_http_imports_the_framework() -> None:
    assert framework_importers(ROOT) == []


def test_framework_in_the_domain_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "queue/holdfast_queue/http/routes.py", "from aiohttp import web")
    plant(tmp_path, "web/holdfast_web/request/body.py", "import aiohttp")
    plant(tmp_path, "connector/holdfast_connector/aiohttp.py", "from aiohttp import web")
    plant(tmp_path, "queue/holdfast_queue/line/room.py", "def f():\n    from aiohttp import web")
    plant(tmp_path, "holdfast/processes/serving.py", "import aiohttp.web as web")
    found = framework_importers(tmp_path)
    assert found == ["holdfast/processes/serving.py", "queue/holdfast_queue/line/room.py"]


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert import_circle(ROOT) == []


def test_circle_through_types_and_functions_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "holdfast/a.py", "if TYPE_CHECKING:\n    from holdfast.b import B")
    plant(tmp_path, "holdfast/b.py", "def f():\n    from .c import g")
    plant(tmp_path, "holdfast/c.py", "")
    assert import_circle(tmp_path) == []
    plant(tmp_path / "closed", "holdfast/a.py", "if TYPE_CHECKING:\n    from holdfast.b import B")
    plant(tmp_path / "closed", "holdfast/b.py", "def f():\n    from .c import g")
    plant(tmp_path / "closed", "holdfast/c.py", "import holdfast.a")
    circle = import_circle(tmp_path / "closed")
    assert sorted(circle[1:]) == ["holdfast.a", "holdfast.b", "holdfast.c"]
