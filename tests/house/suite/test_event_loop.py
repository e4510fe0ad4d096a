"""Tests run on the event loop of production, uvloop.

Loops differ in what they hand on at once and in what they raise: on uvloop a connection that was
refused ended the store's client for good, on asyncio's own loop it did not.
"""

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop
from support.source_tree import Module, plant, read_modules

TESTS = Path(__file__).parents[2]
MAKERS = ("asyncio.run", "asyncio.new_event_loop", "asyncio.Runner", "asyncio.runners.run")
"""make a loop of whatever kind is usual, unless it is said"""
OTHERS = {
    *("asyncio.SelectorEventLoop", "asyncio.ProactorEventLoop", "asyncio.EventLoop"),
    *("asyncio.set_event_loop_policy", "asyncio.get_event_loop_policy"),
    "unittest.IsolatedAsyncioTestCase",
}
OF_PRODUCTION = {"uvloop.new_event_loop", "uvloop.Loop"}
WORDS = re.compile(
    r"asyncio\.run|import run|asyncio as|Runner|event_loop|EventLoop|LoopPolicy|IsolatedAsyncio"
)
"""one of which stands in every file that makes a loop: to parse all files takes seconds"""
MODEL = "model/environment/loop.py"
"""the loop of the model, which tells when all tasks are blocked: uvloop does not"""


async def test_test_runs_on_the_loop_of_production() -> None:
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)


@pytest.fixture
async def loop_of_fixture() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def test_fixture_shares_the_loop_of_its_test(
    loop_of_fixture: asyncio.AbstractEventLoop,
) -> None:
    assert loop_of_fixture is asyncio.get_running_loop()


def other_loops(root: Path) -> list[str]:
    """Where below `root` an event loop of another kind is made, or one that is not said."""
    return [
        f"{module.path}:{line}"
        for module in read_modules(root, (".",)).values()
        if module.path != MODEL and WORDS.search(module.source)
        for line in sorted({line for node in module.nodes for line in _other_loop(module, node)})
    ]


def _other_loop(module: Module, node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.Call) and module.full_name(node.func) in MAKERS:
        if not any(
            keyword.arg == "loop_factory" and module.full_name(keyword.value) in OF_PRODUCTION
            for keyword in node.keywords
        ):
            yield node.lineno
    elif isinstance(node, ast.Name | ast.Attribute):
        name = module.full_name(node)
        if name in OTHERS or (name.startswith("asyncio.") and name.endswith("LoopPolicy")):
            yield node.lineno


def test_no_test_makes_another_kind_of_loop() -> None:
    assert other_loops(TESTS) == []


@pytest.mark.parametrize(
    "source",
    [
        *(f"import asyncio; {maker}(main())" for maker in MAKERS),
        "from asyncio import run; run(main())",
        "from asyncio import Runner as Loops; Loops()",
        "import asyncio as a; a.run(main())",
        "import asyncio; asyncio.Runner(loop_factory=asyncio.new_event_loop)",
        "import asyncio; asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop)",
        "import asyncio; asyncio.SelectorEventLoop()",
        "import asyncio; asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())",
        "from asyncio import get_event_loop_policy; get_event_loop_policy().new_event_loop()",
        "from asyncio.runners import run; run(main())",
        "import unittest\n\nclass TestIt(unittest.IsolatedAsyncioTestCase): ...",
        "from unittest import IsolatedAsyncioTestCase as Case\n\nclass TestIt(Case): ...",
    ],
)
def test_loop_that_is_not_of_production_is_found(source: str, tmp_path: Path) -> None:
    plant(tmp_path, "line/test_planted.py", f"{source}\n")
    assert other_loops(tmp_path) == [f"line/test_planted.py:{source.count(chr(10)) + 1}"]


def test_loop_of_production_may_be_made(tmp_path: Path) -> None:
    source = "import asyncio, uvloop; asyncio.Runner(loop_factory=uvloop.new_event_loop)"
    plant(tmp_path, "test_planted.py", f"{source}\nuvloop.run(main())")
    assert other_loops(tmp_path) == []
