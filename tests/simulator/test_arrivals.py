"""Shapes of arrivals: how many, when, and the same for the same seed."""

from pathlib import Path
from random import Random

import pytest

from holdfast_simulator.arrivals import (
    SURGE_FACTOR,
    SURGE_STARTS,
    Arrivals,
    InvalidArrivals,
    Shape,
    arrival_times,
    read_times,
)

COUNT = 20_000


def _times(arrivals: Arrivals, seed: int = 1) -> list[float]:
    return list(arrival_times(arrivals, Random(seed)))


def _share(times: list[float], low: float, high: float) -> float:
    return sum(low <= time < high for time in times) / len(times)


@pytest.mark.parametrize("shape", ["flash", "lobby", "steady", "ramp", "soak", "surge"])
def test_exactly_so_many_come_in_order_within_the_time(shape: Shape) -> None:
    usual = 50.0 if shape == "surge" else None
    arrivals = Arrivals(shape=shape, visitors=COUNT, seconds=200, usual_per_second=usual)
    times = _times(arrivals)
    assert len(times) == COUNT
    assert times == sorted(times)
    assert (-arrivals.lobby_seconds if arrivals.shape == "lobby" else 0.0) <= times[0]
    assert times[-1] <= 200
    assert times == _times(arrivals)
    assert times != _times(arrivals, seed=2)


def test_flash_falls_by_e_in_each_decay() -> None:
    times = _times(Arrivals(shape="flash", visitors=COUNT, seconds=100, decay_seconds=10))
    for begin in (0, 10):
        ratio = _share(times, begin, begin + 10) / _share(times, begin + 10, begin + 20)
        assert ratio == pytest.approx(2.718, rel=0.1)


def test_lobby_has_its_share_before_the_opening_ever_more_towards_it() -> None:
    arrivals = Arrivals(
        shape="lobby", visitors=COUNT, seconds=60, lobby_seconds=400, early_share=0.7
    )
    times = _times(arrivals)
    assert _share(times, -400, 0) == pytest.approx(0.7, abs=0.02)
    assert _share(times, -200, 0) == pytest.approx(0.7 * 0.75, abs=0.02)


def test_ramp_rises_from_nothing() -> None:
    times = _times(Arrivals(shape="ramp", visitors=COUNT, seconds=100))
    assert _share(times, 0, 50) == pytest.approx(0.25, abs=0.02)


def test_steady_is_even() -> None:
    times = _times(Arrivals(shape="steady", visitors=COUNT, seconds=100))
    assert _share(times, 0, 25) == pytest.approx(0.25, abs=0.02)


def test_surge_has_ten_times_the_usual_rate() -> None:
    arrivals = Arrivals(shape="surge", visitors=COUNT, seconds=300, usual_per_second=25)
    times, starts, lasts = _times(arrivals), 300 * SURGE_STARTS, arrivals.surge_seconds
    before = _share(times, 0, starts) * COUNT / starts
    during = _share(times, starts, starts + lasts) * COUNT / lasts
    after = _share(times, starts + lasts, 300.1) * COUNT / (300 - starts - lasts)
    assert before == pytest.approx(25, rel=0.1)
    assert during == pytest.approx(25 * SURGE_FACTOR, rel=0.05)
    assert after == pytest.approx(25, rel=0.1)


@pytest.mark.parametrize("visitors", [7_499, 7_500, 52_501])
def test_surge_that_cannot_have_so_many_is_refused(visitors: int) -> None:
    with pytest.raises(InvalidArrivals, match="more than 7500 and at most 52500"):
        Arrivals(shape="surge", visitors=visitors, seconds=300, usual_per_second=25)


def test_fields_that_a_shape_needs_are_asked_for() -> None:
    with pytest.raises(InvalidArrivals, match=r"^usual_per_second: "):
        Arrivals(shape="surge", visitors=10)
    with pytest.raises(InvalidArrivals, match=r"^times_file: "):
        Arrivals(shape="recorded")
    with pytest.raises(InvalidArrivals, match=r"^visitors: "):
        Arrivals(shape="flash")


def test_recorded_times_are_taken_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "times.txt"
    file.write_text("# from a sale\n3.5\n\n-2\n1e1\n")
    assert _times(Arrivals(shape="recorded", times_file=str(file))) == [-2.0, 3.5, 10.0]
    more = _times(Arrivals(shape="recorded", times_file=str(file), visitors=500))
    assert len(more) == 500
    assert set(more) == {-2.0, 3.5, 10.0}


@pytest.mark.parametrize("line", ["soon", "nan", "inf", "604801"])
def test_recorded_line_that_is_no_time_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "times.txt"
    file.write_text(f"1\n{line}\n")
    with pytest.raises(InvalidArrivals, match=f"line 2: '{line}' is no time"):
        read_times(file)


def test_file_without_times_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "times.txt"
    file.write_text("# nobody\n")
    with pytest.raises(InvalidArrivals, match="has 0 times"):
        read_times(file)
