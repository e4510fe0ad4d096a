"""Exploring many seeds: all of them are run, and one that fails is told with its command."""

import pytest
from model.exploration import Exploration, explore
from model.mutants.protocol import PROTOCOL


def test_shares_of_an_exploration_are_all_seeds_once() -> None:
    exploration = Exploration(first=7, schedules=10, processes=3)
    seeds = [seed for number in range(3) for seed in exploration.share(number)]
    assert sorted(seeds) == list(range(7, 17))


@pytest.mark.parametrize("two_stores", [False, True])
def test_exploration_in_two_processes_runs_every_seed(two_stores: bool) -> None:
    said: list[str] = []
    assert explore(Exploration(100, 5, processes=2, two_stores=two_stores), said.append)
    assert said[-1].startswith("5 schedules, seeds 100 to 104, in ")


def test_exploration_says_which_seed_fails_and_that_seed_alone_fails_again() -> None:
    said: list[str] = []
    with PROTOCOL["answer before the ledger"].patched():
        assert not explore(Exploration(0, 100), said.append)
        seed = int(said[0].removeprefix("seed ").split(":")[0])
        command = f"make explore ARGS='--first {seed} --schedules 1 --processes 1'"
        assert said[-1].endswith(command)
        assert not explore(Exploration(seed, 1), said.append)
    assert explore(Exploration(seed, 1), said.append)
