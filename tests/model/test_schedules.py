"""Random schedules on the real code find nothing that the model does not allow.

`make test` runs the first ones, `make torture` thousands, `make explore` as many as one has time
for. A failure prints the shortest schedule that was found, ready to be put in a test of its own.
"""

import pytest
from model.harness import Harness
from model.schedule import drawn

MANY = 500


@pytest.mark.parametrize(
    "seeds",
    [
        range(30),
        *(
            pytest.param(range(at, at + MANY), marks=pytest.mark.torture)
            for at in range(0, 14 * MANY, MANY)
        ),
    ],
    ids=lambda seeds: f"{seeds.start}-{seeds.stop}",
)
def test_real_code_does_what_the_model_does(harness: Harness, seeds: range) -> None:
    found = harness.search(seeds, shrink=100)
    assert found is None, f"seed {found[0]}: {found[1]}"


@pytest.mark.parametrize("seed", [1, 7])
def test_a_seed_gives_one_run(harness: Harness, seed: int) -> None:
    assert drawn(seed) == drawn(seed)
    first, again = harness.run(drawn(seed)), harness.run(drawn(seed))
    assert first.trace == again.trace
