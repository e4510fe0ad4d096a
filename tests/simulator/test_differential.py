"""Scripts and simulator get the same calls at the same moments and must give the same answers."""

import pytest
from conftest import Clock
from support.simulator.histories import History

from holdfast_lua import Executor

HISTORIES = 24
RESTING = 24
MANY = 1_500


@pytest.mark.parametrize("part", range(4))
async def test_scripts_and_rules_answer_alike(executor: Executor, clock: Clock, part: int) -> None:
    for seed in range(part, HISTORIES, 4):
        await History(seed).live(executor)


async def test_scripts_and_rules_answer_alike_where_little_happens(
    executor: Executor, clock: Clock
) -> None:
    """Rules need not work out steps in which nothing is due; scripts do."""
    for seed in range(RESTING):
        await History(seed).live(executor, rests=0.85)


@pytest.mark.torture
@pytest.mark.parametrize("part", range(8))
async def test_scripts_and_rules_answer_alike_for_long(
    executor: Executor, clock: Clock, part: int
) -> None:
    for seed in range(HISTORIES + part, MANY, 8):
        await History(seed).live(executor)
