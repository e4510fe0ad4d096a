"""Finds shapes that msgspec would build only at their first use; run, it looks at the service.

msgspec builds what it knows of a struct when a decoder for it is made or it is decoded first, and
shows a half-built one to other threads (0.22.0): these read through a null pointer, and the process
is gone. What modules build while they are imported is whole before there is a second thread.
"""

import ast
import gc
import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final, get_args

import msgspec
from support.source_tree import ROOT, SERVICE, Module, read_modules

SHAPE_AT: Final = {
    "msgspec.convert": 1,
    "msgspec.json.decode": 1,
    "msgspec.msgpack.decode": 1,
    "msgspec.json.Decoder": 0,
    "msgspec.msgpack.Decoder": 0,
}
"""the calls that take a shape, and the place of it among the arguments, unless it is `type=`"""

FUNCTION: Final = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def late_shapes(module: Module, names: Mapping[str, Any]) -> list[str]:
    """The shapes that functions of `module` give to msgspec and that are not built yet, nor known
    until the function is called. `names` are those of the module.
    """
    return [shape for shape in given_shapes(module) if not _is_built(shape, names)]


def given_shapes(module: Module) -> list[str]:
    """The shapes that functions of `module` give to msgspec, as they are written."""
    functions = [node for node in module.nodes if isinstance(node, FUNCTION)]
    calls = {call for one in functions for call in ast.walk(one) if isinstance(call, ast.Call)}
    return sorted({shape for call in calls if (shape := _shape(module, call))})


def _shape(module: Module, call: ast.Call) -> str:
    place = SHAPE_AT.get(module.full_name(call.func))
    if place is None:
        return ""
    given = [one.value for one in call.keywords if one.arg == "type"]
    return "".join(map(ast.unparse, (given + call.args[place:])[:1]))


def _is_built(shape: str, names: Mapping[str, Any]) -> bool:
    try:
        found = eval(shape, dict(names))  # noqa: S307 - from our own sources
    except NameError:
        return False
    return all(map(_knows, _structs(found)))


def _structs(shape: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        yield shape
    for part in get_args(shape):
        yield from _structs(part)


def _knows(struct: type[msgspec.Struct]) -> bool:
    return any(type(held).__name__ == "StructInfo" for held in gc.get_referents(struct))


if __name__ == "__main__":
    modules = [one for one in read_modules(ROOT, SERVICE).values() if given_shapes(one)]
    imported = [(one, vars(import_module(one.name))) for one in modules]
    json.dump(
        {one.path: late for one, names in imported if (late := late_shapes(one, names))}, sys.stdout
    )
