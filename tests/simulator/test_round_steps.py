"""The steps of axes: round, and as few as are asked for."""

import pytest

from holdfast_simulator.round_steps import round_seconds, round_step


@pytest.mark.parametrize(
    ("length", "most", "step"),
    [(8, 4, 2), (9, 4, 5), (0.7, 5, 0.2), (1_000, 5, 200), (1_001, 5, 500), (5e9, 5, 1e9)],
)
def test_step_is_one_two_or_five_of_a_power_of_ten(length: float, most: int, step: float) -> None:
    assert round_step(length, most) == pytest.approx(step)


@pytest.mark.parametrize(
    ("seconds", "step"),
    [
        *((4, 1), (8, 2), (9, 5), (50, 15), (120, 30), (240, 60)),
        *((250, 120), (1_300, 600), (4 * 3_600, 3_600), (9 * 3_600, 3 * 3_600)),
        *((5 * 86_400, 2 * 86_400), (20 * 86_400, 7 * 86_400), (9_999 * 86_400, 364 * 86_400)),
    ],
)
def test_step_of_time_is_one_of_a_clock_or_a_calendar(seconds: float, step: int) -> None:
    assert round_seconds(seconds, 4) == step
