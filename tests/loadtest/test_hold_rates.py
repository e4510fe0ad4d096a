"""What the benchmark of holds does on a plan too small for a window in a quarter of its seats."""

import asyncio
from pathlib import Path

import pytest

from bench.holds import core_rates
from bench.kit.two_commands import bundle_with_it
from holdfast_lua import EmbeddedStore, Executor

SEATS = 1000
BOUND_SECONDS = 60


async def test_small_plan_is_measured_and_the_benchmark_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It made one new sale after another and measured nothing, for ever."""
    with EmbeddedStore(tmp_path / "data") as store:
        async with (
            asyncio.timeout(BOUND_SECONDS),
            Executor(store.url, bundle_with_it(tmp_path)) as executor,
        ):
            await core_rates(executor, SEATS, windows=2)
    assert "two-command calls/s" in capsys.readouterr().out
