"""Tests run on the event loop of production, uvloop.

Loops differ in what they hand on at once and in what they raise: on uvloop a connection that was
refused ended the store's client for good, on asyncio's own loop it did not.
"""

import ast
import asyncio
from pathlib import Path

import pytest
import uvloop
from support.source_tree import plant

TESTS = Path(__file__).parents[2]
MAKERS = ("asyncio.run", "asyncio.new_event_loop", "asyncio.Runner")


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
    """Calls below `root` that make an event loop without saying which."""
    return [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted(root.rglob("*.py"))
        if any(maker in (source := path.read_text("utf-8")) for maker in MAKERS)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in MAKERS
        and not any(keyword.arg == "loop_factory" for keyword in node.keywords)
    ]


def test_no_test_makes_another_kind_of_loop() -> None:
    assert other_loops(TESTS) == []


@pytest.mark.parametrize("maker", MAKERS)
def test_loop_that_does_not_say_its_kind_is_found(maker: str, tmp_path: Path) -> None:
    plant(tmp_path, "line/test_planted.py", f"import asyncio\n\n{maker}(main())\n")
    assert other_loops(tmp_path) == ["line/test_planted.py:3"]


def test_loop_of_production_may_be_made(tmp_path: Path) -> None:
    source = "asyncio.Runner(loop_factory=uvloop.new_event_loop)"
    plant(tmp_path, "test_planted.py", source)
    assert other_loops(tmp_path) == []
