from holdfast_web.shedding.work_limit import LEAST, MOST, START, WINDOW_SECONDS, WorkLimit

TARGET = 0.1


def settled(rate: float, seconds: float, start: float | None = None) -> WorkLimit:
    """The limit after a worker that ends `rate` requests a second has been offered far more.

    What is in work is then as much as the limit allows, so that each takes limit / rate.
    """
    limit = WorkLimit(TARGET)
    limit.value = start or START
    now = 0.0
    while now < seconds:
        now += 1 / rate
        limit.done(limit.value / rate, round(limit.value), now)
    return limit


def test_limit_follows_what_the_worker_does() -> None:
    """Little's law: 1,000 a second, each within a tenth of one, are 100 at a time."""
    assert 75 <= settled(1_000, 20).value <= 115
    assert 300 <= settled(4_000, 20).value <= 460
    assert 75 <= settled(1_000, 20, start=MOST).value <= 115


def test_limit_is_bounded() -> None:
    assert settled(10, 60).value == LEAST
    assert settled(50_000, 5).value == MOST


def test_limit_that_is_not_used_does_not_grow() -> None:
    """Else the first moment of an overload would find no limit at all."""
    limit = WorkLimit(TARGET)
    for number in range(10_000):
        limit.done(0.001, 10, number / 1_000)
    assert limit.value == START


def test_limit_is_adjusted_once_in_a_window() -> None:
    limit = WorkLimit(TARGET)
    for number in range(100):
        limit.done(1.0, 100, number * WINDOW_SECONDS / 100)
    assert limit.value >= START * 0.8


def test_few_slow_requests_do_not_lower_the_limit() -> None:
    limit = WorkLimit(TARGET)
    for number in range(10_000):
        limit.done(1.0 if number % 50 == 0 else 0.02, 100, number / 1_000)
    assert limit.value == START
