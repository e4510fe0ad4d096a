"""The waiting room against a model of its promises: any number of workers, restarts, store losses.

Hypothesis makes up what happens (tests/support/line/state_machine.py), the model says what must
come of it (tests/support/line/reference.py). `make torture` tells more of them.
"""

import pytest
from conftest import TEST_LUA
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from support.line.state_machine import Restless

from holdfast_lua import load_bundle


@pytest.mark.parametrize("stories", [40, pytest.param(1_000, marks=pytest.mark.torture)])
def test_line_keeps_its_promises(store_url: str, stories: int) -> None:
    Restless.store_url = store_url
    Restless.scripts = load_bundle(overlay={"clock": TEST_LUA / "still_clock.lua"})
    run_state_machine_as_test(
        Restless,
        settings=settings(
            max_examples=stories,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
