"""Each rule broken in the simulator is found by the comparison with the scripts."""

import pytest
from conftest import Clock
from support.simulator.both import Differs
from support.simulator.histories import History
from support.simulator.mutants import MUTANTS, Mutant, applied

from holdfast_lua import Executor

HISTORIES = 160
FIRST = {"an admission spends a token", "lower numbers that retry go first"}
"""of which the normal suite tries these"""


async def _found(executor: Executor, mutant: Mutant) -> int | None:
    """The first history that finds it."""
    with applied(mutant):
        for seed in range(HISTORIES):
            try:
                await History(seed).live(executor)
            except (Differs, LookupError, AssertionError):
                return seed
    return None


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.rule in FIRST], ids=lambda m: m.rule)
async def test_broken_rule_is_found(executor: Executor, clock: Clock, mutant: Mutant) -> None:
    assert await _found(executor, mutant) is not None


@pytest.mark.torture
@pytest.mark.parametrize(
    "mutant", [m for m in MUTANTS if m.rule not in FIRST], ids=lambda m: m.rule
)
async def test_every_broken_rule_is_found(executor: Executor, clock: Clock, mutant: Mutant) -> None:
    assert await _found(executor, mutant) is not None
