"""What the benchmark of holds does on a plan too small for a window in a quarter of its seats."""

import asyncio
from argparse import Namespace
from pathlib import Path

from bench.holds import HOLD, LEAST, NEARLY, SCATTERED, core_rates, store_costs
from bench.kit.clients.two_commands import bundle_with_it
from bench.kit.command import Recorder
from holdfast_lua import EmbeddedStore, Executor

SEATS = 1000
BOUND_SECONDS = 60


async def test_small_plan_is_measured_and_the_benchmark_ends(tmp_path: Path) -> None:
    """It made one new sale after another and measured nothing, for ever."""
    recorder = Recorder(rounds=2)
    with EmbeddedStore(tmp_path / "data") as store:
        async with (
            asyncio.timeout(BOUND_SECONDS),
            Executor(store.url, bundle_with_it(tmp_path)) as executor,
        ):
            await core_rates(recorder, executor, SEATS)
            sizes = Namespace(seats=[SEATS, 2 * SEATS], plenty=5 * SEATS, holds=20)
            await store_costs(recorder, executor, sizes)
    rates, sizes_compared, fullness = recorder.comparisons
    assert {side.name: side.done for side in rates.sides} == {LEAST: 600, HOLD: 600}
    assert [side.size for side in sizes_compared.sides] == [SEATS, 2 * SEATS]
    assert {side.name for side in fullness.sides if side.by_cpu} == {NEARLY, SCATTERED}
    assert all(side.done == 40 for side in fullness.sides)
