"""Tests run on the event loop of production, uvloop.

Loops differ in what they hand on at once and in what they raise: on uvloop a connection that was
refused ended the store's client for good, on asyncio's own loop it did not.
"""

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

TESTS = Path(__file__).parents[1]
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


def test_no_test_makes_another_kind_of_loop() -> None:
    assert [found for path in TESTS.rglob("*.py") for found in other_loops(path)] == []


def other_loops(path: Path) -> Iterator[str]:
    """Calls that make an event loop without saying which."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in MAKERS:
            continue
        if not any(keyword.arg == "loop_factory" for keyword in node.keywords):
            yield f"{path.relative_to(TESTS)}:{node.lineno}"
