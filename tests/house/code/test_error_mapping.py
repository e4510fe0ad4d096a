"""One place maps errors of the store and of the ledger to problem documents.

Others let them pass, try again or go on without: no branch that handles one names an answer, and no
table pairs one with a code. Whoever counts by the code of an error asks `to_error` of that place.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from support.source_tree import ROOT, Module, plant, read_modules

from holdfast_ledger import errors as ledger_errors
from holdfast_lua import errors as store_errors

PLACE: Final = "web/holdfast_web/problems.py"
FAULTS: Final = {
    name
    for errors, base in (
        (ledger_errors, ledger_errors.LedgerError),
        (store_errors, store_errors.StoreError),
    )
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, base)
}
ANSWERS: Final = {"HoldfastError", "json_response", "Response"}
"""what an answer is made by, when it is called"""
SAYS_MORE: Final = {"holdfast/sales/operations.py: SaleTaken"}
"""To a copy a name that is in use is a refusal, to a PUT it is a conflict with another PUT."""


def mappings(root: Path) -> list[str]:
    """Where an error of store or ledger becomes an answer, but for the one place."""
    return [
        found
        for module in read_modules(root).values()
        if module.path != PLACE and any(fault in module.source for fault in FAULTS)
        for fault in sorted({name for node in module.nodes for name in _mapped(module, node)})
        if (found := f"{module.path}: {fault}") not in SAYS_MORE
    ]


def _mapped(module: Module, node: ast.AST) -> Iterator[str]:
    """The errors that a node makes answers of."""
    for condition, branch in _branches(node):
        faults = FAULTS & _names(module, condition)
        if faults and _answers(module, branch):
            yield from faults


def _answers(module: Module, branch: Iterable[ast.AST]) -> bool:
    """Whether a branch names a code or a status, or makes an answer."""
    calls = [part.func for node in branch for part in ast.walk(node) if isinstance(part, ast.Call)]
    named = _names(module, branch)
    return (
        "ErrorCode" in named
        or any(name.startswith("HTTP") for name in named)
        or bool(ANSWERS & _names(module, calls))
    )


def _branches(node: ast.AST) -> Iterator[tuple[Sequence[ast.AST], Sequence[ast.AST]]]:
    """Each condition of a node with what is done, or found, under it."""
    match node:
        case ast.ExceptHandler(type=ast.expr() as condition):
            yield [condition], node.body
        case ast.If(test=condition):
            yield [condition], node.body
        case ast.IfExp(test=condition):
            yield [condition], [node.body]
        case ast.match_case(pattern=pattern):
            yield [pattern], node.body
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None:
                    yield [key], [value]
        case ast.Tuple(elts=[fault, *others]) if others:
            yield [fault], others


def _names(module: Module, nodes: Iterable[ast.AST]) -> set[str]:
    """The last words of the names that stand anywhere in these nodes."""
    return {
        word
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
        for word in module.full_name(part).rpartition(".")[::2]
    }


def test_one_place_maps_errors_to_answers() -> None:
    assert mappings(ROOT) == []


@pytest.mark.parametrize(
    "source",
    [
        "try: f()\nexcept LedgerBusy:\n    raise HoldfastError(ErrorCode.OVERLOADED)",
        "try: f()\nexcept (OSError, errors.StoreUnavailable):\n    return json_response({}, 503)",
        "try: f()\nexcept store.StoreError as e:\n    raise web.HTTPServiceUnavailable from e",
        "from holdfast_ledger import LedgerError as Gone\n"
        "try: f()\nexcept Gone as e: return web.Response(status=503)",
        "if isinstance(error, SaleMissing):\n    code = ErrorCode.UNKNOWN_SALE",
        "code = ErrorCode.BUSY if isinstance(error, StoreBusy) else None",
        "match error:\n    case StoreBehind():\n        raise HoldfastError(code)",
        "CODES = {StoreBusy: ErrorCode.STORE_BUSY}",
        "CODES = ((ledger.SaleTaken, ErrorCode.CONFLICT),)",
    ],
)
def test_second_place_is_found(source: str, tmp_path: Path) -> None:
    plant(tmp_path, PLACE, source)
    plant(tmp_path, "queue/holdfast_queue/http/a.py", source)
    (found,) = mappings(tmp_path)
    assert found.startswith("queue/holdfast_queue/http/a.py: ")


def test_going_on_without_is_no_mapping(tmp_path: Path) -> None:
    fine = """
AWAY = (StoreError, LedgerError, HoldfastError)
try: f()
except (HoldfastError, LedgerError) as error:
    count(to_error(error).code.value)
    raise
except StoreUnavailable:
    return "unavailable"
"""
    plant(tmp_path, "queue/holdfast_queue/http/a.py", fine)
    assert mappings(tmp_path) == []
