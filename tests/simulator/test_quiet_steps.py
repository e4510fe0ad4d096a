"""Steps that need not be worked out: what they leave is what they would leave if they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.simulator.mutants import Mutant, applied
from support.simulator.stopped_sale import StoppedSale, finish, small_world

from holdfast_simulator.rules import line_step
from holdfast_simulator.rules.line import SimulatedLine
from holdfast_simulator.rules.quiet_steps import is_quiet
from holdfast_simulator.running.projection import project
from holdfast_simulator.simulation import Simulation
from holdfast_simulator.world import World

UNTIL_SECONDS = 1_500
WORLDS: dict[str, dict[str, Any]] = {
    "rate": {},
    "cap": {"new_users_per_minute": 600, "total_active_users": 25},
    "first hold": {"total_active_users": 12, "first_hold_seconds": 30, "hold_seconds": 60},
    "stock": {"new_users_per_minute": 6_000, "burst": 300, "stock_factor": 0.5},
    "short claims": {"claim_window_seconds": 10, "new_users_per_minute": 90},
    "drawn": {"queueing_method": "random", "session_duration": 2},
    "passthrough": {"queueing_method": "passthrough"},
}
MUTANTS = {
    Mutant("sessions end", "quiet_steps", "        line.active.none_before(),\n", ""): "cap",
    Mutant("who has not held in time is not waited for", "quiet_steps",
           "line.unheld.none_before()", "math.inf"): "rate",
    Mutant("calls end, and become ones that are not expected", "quiet_steps",
           "        shift_ms + line.ranges.none_before(3 * line.poll_ms, clock_ms),\n", ""): "rate",
    Mutant("tokens are earned", "quiet_steps", "now_ms + earned_ms - 1", "math.inf"): "rate",
    Mutant("who holds needs nothing set aside", "pass_holds",
           "        line.quiet_until_ms = 0\n", ""): "short claims",
    Mutant("who leaves makes room", "line", "self.quiet_until_ms, live = 0, ", "live = "): "rate",
}  # fmt: skip
"""and a world in which each shows"""


@contextmanager
def _counted(quiet: Callable[[SimulatedLine, int], bool]) -> Iterator[list[bool]]:
    """Asks `quiet` which steps need not be worked out, and notes what it answers."""
    answers: list[bool] = []

    def noted(line: SimulatedLine, now_ms: int) -> bool:
        answers.append(quiet(line, now_ms))
        return answers[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_step, "is_quiet", noted)
        yield answers


def _course(world: World) -> tuple[Any, ...]:
    """All that can be told of a simulation: each second of it, every count, and the line."""
    run = Simulation(world, UNTIL_SECONDS).run()
    line, recording = run.line, run.recording
    state = (line.tokens, line.shift_ms, line.advanced_ms, line.interval_ms, line.share)
    stays = (line.stays.ended, line.stays.total_ms, line.stays.inside_ms)
    asked = recording.requests, recording.most, recording.busiest
    return run.now_ms, state, stays, asked, recording.points, recording.counts, recording.waits


def _every_step(world: World) -> tuple[Any, ...]:
    with _counted(lambda line, now_ms: False):
        return _course(world)


@pytest.mark.parametrize("settings", WORLDS.values(), ids=WORLDS)
def test_quiet_steps_leave_what_all_steps_leave(settings: dict[str, Any]) -> None:
    world = small_world(1, **settings)
    with _counted(is_quiet) as answers:
        assert _course(world) == _every_step(world)
    assert sum(answers) > 0.2 * len(answers)


def test_projections_are_those_of_all_steps() -> None:
    stopped = StoppedSale(small_world(2))
    assert stopped.run_until(0.85)
    sale, points = stopped.running(), stopped.all_points()
    with _counted(is_quiet) as answers:
        foreseen = finish(project(sale, points, 1))
    with _counted(lambda line, now_ms: False):
        assert foreseen == finish(project(sale, points, 1))
    assert sum(answers) > 0.6 * len(answers)


@pytest.mark.parametrize(("mutant", "name"), MUTANTS.items(), ids=[one.rule for one in MUTANTS])
def test_step_that_would_have_changed_something_is_missed(mutant: Mutant, name: str) -> None:
    world = small_world(1, **WORLDS[name])
    right = _every_step(world)
    with applied(mutant):
        assert _course(world) != right
