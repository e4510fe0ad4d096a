"""How often one address may fail to sign in."""

from holdfast_console.attempts import ADDRESSES_MAX, FAILURES_MAX, WINDOW_SECONDS, AttemptCounter


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_address_waits_after_its_last_attempt_until_the_window_is_over() -> None:
    clock = Clock()
    counter = AttemptCounter(clock)
    for _ in range(FAILURES_MAX):
        assert counter.seconds_to_wait("a") == 0
        counter.fail("a")
    assert 0 < counter.seconds_to_wait("a") <= WINDOW_SECONDS + 1
    assert counter.seconds_to_wait("b") == 0
    clock.now += WINDOW_SECONDS
    assert counter.seconds_to_wait("a") == 0


def test_window_begins_anew_with_the_first_failure_after_it() -> None:
    clock = Clock()
    counter = AttemptCounter(clock)
    for _ in range(FAILURES_MAX - 1):
        counter.fail("a")
    clock.now += WINDOW_SECONDS
    counter.fail("a")
    assert counter.seconds_to_wait("a") == 0


def test_memory_is_bounded_and_the_oldest_is_forgotten() -> None:
    counter = AttemptCounter(Clock())
    for _ in range(FAILURES_MAX):
        counter.fail("first")
    for number in range(ADDRESSES_MAX):
        counter.fail(str(number))
    assert counter.seconds_to_wait("first") == 0
