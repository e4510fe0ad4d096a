"""Fixtures of the line's tests; the line itself is in line_harness.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest
from line_harness import PLENTY, Line, with_terms

from holdfast_lua import Executor, SaleRef
from holdfast_lua.line_calls import LineCalls, LineCheckpoint


class DrivenClock(Protocol):
    async def now_ms(self) -> int: ...
    async def advance_ms(self, ms: int) -> None: ...


LineFactory = Callable[..., Awaitable[Line]]


@pytest.fixture
def make_line(executor: Executor, clock: DrivenClock, sale_ref: SaleRef) -> LineFactory:
    """Makes an open line with plenty of stock; keywords are terms."""

    async def make(
        ceiling: int = PLENTY, start: LineCheckpoint | None = None, **terms: Any
    ) -> Line:
        line = Line(executor, LineCalls(executor), sale_ref, clock.advance_ms, ceiling=ceiling)
        with_terms(line, **terms)
        await line.sale(free=PLENTY)
        await line.install(start)
        return line

    return make


@pytest.fixture
async def line(make_line: LineFactory) -> Line:
    """An open line with the default terms."""
    return await make_line()
