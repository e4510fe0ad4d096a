"""Each check of who was let in: honest streams pass, each kind of doctored stream is found out."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from holdfast_loadtest.audit.facts import Issue
from holdfast_loadtest.audit.journal import Admitted, Joined
from holdfast_loadtest.audit.line_checks import (
    TokenBucket,
    admitted_once,
    bucket_of,
    called_in_order,
    numbers_follow_arrival,
    rate_is_kept,
    time_runs_forward,
)
from holdfast_loadtest.wire import Event, Sale

SECOND = TokenBucket(per_minute=60, burst=3)


def passes(*times_ms: int) -> list[Issue]:
    return [Issue(at, f"p{n}", n + 1) for n, at in enumerate(times_ms)]


def stream(*facts: tuple[str, dict[str, Any]], epoch: int = 1) -> list[Event]:
    return [
        Event(f"uid.{epoch}-{n + 1}", kind, f"2026-05-01T10:00:{n:02d}.000Z", data=data)
        for n, (kind, data) in enumerate(facts)
    ]


def called(first: int, last: int) -> tuple[str, dict[str, Any]]:
    return "line.called", {"first": first, "last": last}


def issued(number: int, pass_id: str = "") -> tuple[str, dict[str, Any]]:
    return "pass.issued", {"number": number, "pass_id": pass_id or f"p{number}"}


def worst_excess(times: Sequence[int], bucket: TokenBucket) -> float:
    """The promise word for word, over every span: what the walk must agree with."""
    return max(
        j - i + 1 - bucket.burst - bucket.per_ms * (times[j] - times[i])
        for i in range(len(times))
        for j in range(i, len(times))
    )


def test_rate_allows_a_full_burst_and_then_the_rate() -> None:
    assert rate_is_kept(passes(0, 0, 0, 1000, 2000, 3000), SECOND).held


def test_rate_finds_one_pass_above_the_burst() -> None:
    check = rate_is_kept(passes(0, 0, 0, 0), SECOND)
    assert check.findings == ("4 passes within 0 ms, allowed 3.00",)


def test_rate_finds_a_pass_a_millisecond_early() -> None:
    assert rate_is_kept(passes(0, 0, 0, 1000), SECOND).held
    assert not rate_is_kept(passes(0, 0, 0, 999), SECOND).held


def test_rate_finds_an_excess_in_the_middle_of_a_slow_sale() -> None:
    quiet = [n * 60_000 for n in range(10)]
    rush = [300_500, 300_600, 300_700]
    assert not rate_is_kept(passes(*quiet, *rush), SECOND).held


def test_rate_finds_an_excess_spread_over_a_long_span() -> None:
    times = [round(n * 990) for n in range(1000)]
    check = rate_is_kept(passes(*times), SECOND)
    assert not check.held
    assert check.broken < len(times) - 200


def test_rate_does_not_depend_on_the_order_of_the_events() -> None:
    assert not rate_is_kept(passes(3000, 0, 0, 10, 0), SECOND).held


@pytest.mark.parametrize("seed", range(60))
def test_rate_agrees_with_the_promise_over_every_span(seed: int) -> None:
    rng = Random(seed)
    bucket = TokenBucket(per_minute=rng.choice([30, 60, 600]), burst=rng.choice([1, 2, 5]))
    gap_ms = 60_000 / bucket.per_minute
    times, at = [], 0.0
    for _ in range(60):
        at += rng.expovariate(1 / gap_ms) * rng.choice([0.2, 1, 2])
        times.append(round(at))
    assert rate_is_kept(passes(*times), bucket).held == (worst_excess(times, bucket) <= 1e-6)


def test_bucket_is_the_configured_burst_when_the_rate_is_low() -> None:
    assert bucket_of(Sale(new_users_per_minute=600, burst=20)).burst == 20


def test_bucket_is_two_ticks_of_the_rate_when_that_is_more() -> None:
    assert bucket_of(Sale(new_users_per_minute=6000, burst=20)).burst == 50


def test_calls_in_order_hold() -> None:
    events = stream(called(1, 3), issued(2), called(4, 4), issued(1), issued(4))
    assert called_in_order(events, []).held


@pytest.mark.parametrize(
    ("facts", "finding"),
    [
        ([called(1, 3), called(3, 5)], "3-5 called when 3 had been"),
        ([called(1, 3), called(5, 6)], "5-6 called after 3: some were skipped"),
        ([called(4, 6), called(1, 3)], "4-6 called after 0: some were skipped"),
        ([called(1, 3), issued(5)], "number 5 got a pass when only 3 were called"),
    ],
)
def test_calls_out_of_order_are_found(
    facts: list[tuple[str, dict[str, Any]]], finding: str
) -> None:
    check = called_in_order(stream(*facts), [])
    assert finding in check.findings


def test_calls_may_pass_over_published_gaps_only() -> None:
    events = stream(called(1, 3), called(8, 9))
    assert called_in_order(events, [(4, 5), (6, 7)]).held
    assert not called_in_order(events, [(4, 6)]).held
    assert not called_in_order(events, [(5, 7)]).held


def test_calls_may_be_repeated_after_a_store_loss_only() -> None:
    before = stream(called(1, 5))
    assert called_in_order([*before, *stream(called(4, 8), epoch=2)], []).held
    assert not called_in_order([*before, *stream(called(4, 8), called(8, 9), epoch=2)], []).held


def test_calls_from_before_a_store_loss_still_stand() -> None:
    after = stream(issued(7), called(9, 10), issued(10), epoch=2)
    assert called_in_order(after, []).held
    assert not called_in_order([*after, *stream(issued(11), epoch=2)], []).held


def test_a_pass_may_be_missing_from_a_stream_that_was_lost() -> None:
    given = [Admitted("t", "p9")]
    assert admitted_once(stream(issued(1), epoch=2), given).held
    assert not admitted_once(stream(issued(1)), given).held


def test_admitted_once_holds_for_one_pass_a_ticket() -> None:
    events = stream(issued(1), issued(2))
    assert admitted_once(events, [Admitted("t1", "p1", 1), Admitted("t1", "p1", 1)]).held


@pytest.mark.parametrize(
    ("facts", "admitted", "finding"),
    [
        ([issued(1), issued(1)], [], "pass p1 was issued 2 times"),
        ([issued(1, "a"), issued(1, "b")], [], "number 1 got 2 passes"),
        (
            [issued(1), issued(2)],
            [Admitted("t", "p1"), Admitted("t", "p2")],
            "ticket t got passes p1 and p2",
        ),
        (
            [issued(1)],
            [Admitted("t", "p1"), Admitted("u", "p1")],
            "pass p1 went to tickets t and u",
        ),
        ([], [Admitted("t", "p1")], "pass p1 was given to a visitor and is not in the stream"),
    ],
)
def test_admitted_twice_is_found(
    facts: list[tuple[str, dict[str, Any]]], admitted: list[Admitted], finding: str
) -> None:
    assert finding in admitted_once(stream(*facts), admitted).findings


def test_time_that_runs_back_is_found() -> None:
    events = stream(called(1, 1), called(2, 2))
    assert time_runs_forward(events).held
    events[1].time = "2026-05-01T09:59:59.998Z"
    assert time_runs_forward(events).findings == ("event 1-2 is 2 ms older than the one before",)


def test_numbers_of_joins_under_way_together_may_be_in_any_order() -> None:
    together = [Joined(2, sent=0.0, answered=3.0), Joined(1, sent=1.0, answered=2.0)]
    assert numbers_follow_arrival([*together, Joined(3, sent=3.5, answered=4.0)]).held


def test_number_below_one_that_was_given_before_the_join_is_found() -> None:
    overtaken = [Joined(5, sent=0.0, answered=1.0), Joined(4, sent=1.5, answered=2.0)]
    assert numbers_follow_arrival(overtaken).findings == ("number 4 was given after 5",)


def test_number_that_was_given_to_two_is_found() -> None:
    twice = [Joined(5, sent=0.0, answered=1.0), Joined(5, sent=0.5, answered=2.0)]
    assert numbers_follow_arrival(twice).findings == ("number 5 was given to 2",)


def test_joins_by_clocks_of_two_machines_are_not_compared() -> None:
    apart = [Joined(5, 0.0, 1.0, "first"), Joined(4, 1.5, 2.0, "second")]
    assert numbers_follow_arrival(apart).held
    late = Joined(3, 2.5, 3.0, "second")
    assert numbers_follow_arrival([*apart, late]).findings == ("number 3 was given after 4",)


def test_pass_that_a_visitor_got_for_a_number_not_called_is_found() -> None:
    events = stream(("line.called", {"first": 1, "last": 2}), ("pass.issued", {"number": 1}))
    given = [Admitted("t1", "p1", 1), Admitted("t2", "p9", 9)]
    assert called_in_order(events, ()).held
    assert called_in_order(events, (), given[:1]).held
    assert called_in_order(events, (), given).findings == (
        "number 9 was given pass p9, and only 2 were called",
    )
