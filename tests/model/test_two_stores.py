"""Two stores in the model: the real code keeps the rules of two masters, and mutants break them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from model.harness import Backend
from model.two_stores.directed import DIRECTED
from model.two_stores.harness import open_two_stores, run_two_stores
from model.two_stores.mutants import MUTANTS
from model.two_stores.scenario import drawn

SEEDS: Final = range(80)
Backends = tuple[Backend, str]


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    with run_two_stores() as built:
        yield built


def test_real_code_keeps_the_rules_of_two_stores(backends: Backends) -> None:
    with open_two_stores(backends) as harness:
        found = harness.search(SEEDS)
    assert found is None, f"seed {found[0]}: {found[1]}"


@pytest.mark.parametrize("seed", [1, 2])
def test_seed_gives_one_scenario(backends: Backends, seed: int) -> None:
    with open_two_stores(backends) as harness:
        first, again = [harness.run(drawn(seed)) for _ in range(2)]
    assert first.trace == again.trace


@pytest.mark.parametrize("name", DIRECTED)
def test_real_code_outlives_the_directed_failovers(backends: Backends, name: str) -> None:
    with open_two_stores(backends) as harness:
        assert harness.failure_of(DIRECTED[name]) is None


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_of_two_stores_is_caught(backends: Backends, tmp_path: Path, name: str) -> None:
    mutant = MUTANTS[name]
    with mutant.patched(), open_two_stores(backends, mutant.edits, tmp_path) as harness:
        failure = harness.failure_of(mutant.scenario)
    assert failure is not None, f"it outlived its scenario: {mutant.harm}"
    assert failure.kind == mutant.kind, failure
