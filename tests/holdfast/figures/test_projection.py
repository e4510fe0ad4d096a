"""When a sale will be sold out, by what was sold lately."""

import random

import pytest
from support.points import point

from holdfast.figures.projection import line_over, sell_out


def test_what_goes_on_at_one_rate_ends_when_it_must() -> None:
    points = [point(step, booked=20 * step, confirmed=10 * step) for step in range(31)]
    out = sell_out(points, left=1200)  # two units a second
    assert out is not None
    assert out.expected == pytest.approx(600)
    assert out.earliest < 600 < (out.latest or 0)


def test_only_the_last_five_minutes_count() -> None:
    fast = [point(step, booked=1000 * step, confirmed=1000 * step) for step in range(10)]
    slow = [point(9 + step, booked=9000 + step, confirmed=9000 + step) for step in range(1, 32)]
    out = sell_out([*fast, *slow], left=6)
    assert out is not None
    assert out.expected == pytest.approx(60)


@pytest.mark.parametrize(
    ("booked", "left"), [((5, 5, 5), 10), ((5, 4, 3), 10), ((1, 2, 3), 0), ((7,), 10), ((), 10)]
)
def test_nothing_is_known_where_nothing_is_sold_or_left(booked: tuple[int, ...], left: int) -> None:
    points = [point(step, booked=units, confirmed=units) for step, units in enumerate(booked)]
    assert sell_out(points, left) is None


def test_few_orders_leave_the_latest_time_open() -> None:
    points = [point(0), point(30, booked=4, confirmed=1)]
    out = sell_out(points, left=100)
    assert out is not None
    assert out.latest is None
    assert out.earliest < out.expected


def test_interval_holds_four_times_in_five() -> None:
    """Orders of three units that come by chance, one a second: the truth is 3 units a second."""
    chance, held, runs = random.Random(7), 0, 400
    for _ in range(runs):
        orders, points = 0, [point(0)]
        for step in range(1, 31):
            orders += sum(chance.expovariate(1) < 0.1 for _ in range(105))  # about 10 in 10 s
            points.append(point(step, booked=3 * orders, confirmed=orders))
        rate = 3 * 105 * (1 - 2.718281828**-0.1) / 10
        out = sell_out(points, left=3000)
        assert out is not None
        assert out.latest is not None
        held += out.earliest <= 3000 / rate <= out.latest
    assert 0.74 < held / runs < 0.9


def test_line_is_over_when_more_are_called_than_join() -> None:
    points = [point(step, called=100 * step, joined=40 * step) for step in range(31)]
    over = line_over(points, waiting=600)
    assert over is not None
    assert over.expected == pytest.approx(100)
    growing = [point(step, called=40 * step, joined=100 * step) for step in range(31)]
    assert line_over(growing, waiting=600) is None
    assert line_over(points, waiting=0) is None
