"""The schedule and the sums of a whole visit."""

from bench.kit.clocks import Sample
from bench.visit import added, polls_of_a_wait


def test_page_asks_less_often_the_longer_it_has_to_wait() -> None:
    """A thirtieth of what is left, at most every 30 s and at least every refresh."""
    assert polls_of_a_wait(0.5, 5.0) == 6
    assert polls_of_a_wait(0.5, 2.0) == 15
    # 600 s: from every 20 s down to every 5, in (29/30)^n; then 150 s are left.
    assert 41 + 30 <= polls_of_a_wait(10, 5.0) <= 41 + 31 + 1
    assert polls_of_a_wait(60, 5.0) < 6 * polls_of_a_wait(10, 5.0)


def test_steps_add_up_to_the_visit_of_as_many_people() -> None:
    """Catches a sum that counts each step's people anew, which would share the cost among them."""
    join = Sample(10, 1.0, {"service": 0.001, "store": 0.0})
    claim = Sample(10, 2.0, {"service": 0.003, "store": 0.002}, refused=4)
    whole = added(join, claim)
    assert (whole.done, whole.seconds, whole.refused) == (10, 3.0, 4)
    assert whole.micros("service") == 400
    assert whole.micros("store") == 200
