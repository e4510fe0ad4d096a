from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.buckets import POINTS_MAX, Buckets
from holdfast.report.checks import FINDINGS_MAX, Check, CheckState, overall
from holdfast.report.digests import digest_of
from holdfast.report.draw_check import check_draw
from holdfast.report.event_scan import CalledRange
from holdfast.report.sale_history import SaleHistory
from holdfast.report.waits import join_waits, promise_error, quantile, wait_rows
from holdfast_queue.draw.commitment import AnnouncedStart, Draw, DrawFacts, Sealed

DRAW = Draw("uid", b"s" * 32, None, (AnnouncedStart(1_000, 500),))
FACTS = DrawFacts(
    DRAW.algorithm, DRAW.commitment, None, DRAW.starts,
    entrants=50, secret=DRAW.secret.hex(), accumulator="ab" * 20,
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(-5, 50)), min_size=1, max_size=60))
def test_buckets_keep_every_amount_in_bounded_steps(added: list[tuple[int, int]]) -> None:
    buckets = Buckets(0)
    for at_ms, amount in added:
        buckets.add("a", at_ms, amount)
    totals = buckets.running()["a"]
    assert len(totals) <= POINTS_MAX
    assert totals[-1] == sum(amount for _, amount in added)
    middle = len(totals) // 2
    end_ms = buckets.start_ms + (middle + 1) * buckets.step_ms
    assert totals[middle] == sum(amount for at_ms, amount in added if at_ms < end_ms)


def test_buckets_of_several_names_have_one_length() -> None:
    buckets = Buckets(0)
    buckets.add("a", 0, 1)
    buckets.add("b", 5_000, 1)
    assert buckets.running() == {"a": [1] * 6, "b": [0, 0, 0, 0, 0, 1]}


def history(joined: list[float | None], promised: list[float | None]) -> SaleHistory:
    return SaleHistory(10_000, 10_000, {"joined": joined, "promised_seconds": promised})


CALLS = [CalledRange(30_000, 1, 10), CalledRange(70_000, 11, 20)]


def test_wait_is_from_joining_to_the_call_of_the_number() -> None:
    waits = join_waits(history([5, 10, 15, 15, None, 30], [20, 40, 30, 0, 0, 0]), CALLS, 0)
    assert [(wait.visitors, wait.seconds, wait.promised) for wait in waits] == [
        (5, 20, 20), (5, 10, 40), (5, 40, 30)
    ]  # fmt: skip


def test_wait_of_a_lobby_is_from_the_opening() -> None:
    [lobby, _] = join_waits(history([10, 20], [None, None]), CALLS, 25_000)
    assert (lobby.joined_ms, lobby.seconds) == (25_000, 5)


def test_quantiles_weigh_by_visitors() -> None:
    waits = join_waits(history([9, 10], [None, None]), CALLS, 0)
    assert quantile(waits, 0.9) == 20
    assert quantile(waits, 0.05) == 10
    assert quantile([], 0.5) is None


def test_promise_is_measured_whichever_way_it_was_missed() -> None:
    waits = join_waits(history([5, 10, 15], [25, 5, None]), CALLS, 0)
    assert promise_error(waits) == 5
    assert promise_error(join_waits(history([5], [None]), CALLS, 0)) is None


def test_rows_of_waits_are_bounded_and_keep_all_visitors() -> None:
    calls = [CalledRange(10_000 * number, number, number) for number in range(1, 1001)]
    waits = join_waits(history(list(range(1, 1001)), [60.0] * 1000), calls, 0)
    rows = wait_rows(waits)
    assert len(rows) <= 60
    assert sum(row.visitors for row in rows) == 1000
    assert {row.promised for row in rows} == {60}


def test_check_counts_what_it_does_not_keep() -> None:
    check = Check("all", "nothing breaks")
    for number in range(FINDINGS_MAX + 5):
        check.find(str(number))
    check.skip("too late")
    assert (check.broken, len(check.findings), check.state) == (25, 20, CheckState.BROKEN)


def test_one_broken_check_breaks_the_verdict() -> None:
    held, skipped, bad = Check("a", "a"), Check("b", "b"), Check("c", "c")
    skipped.skip("nothing there")
    assert overall([held, skipped]) is CheckState.HELD
    assert overall([skipped]) is CheckState.NOT_CHECKED
    bad.find("it broke")
    assert overall([held, skipped, bad]) is CheckState.BROKEN


def test_sums_of_digests_tell_sets_apart() -> None:
    assert digest_of("a") + digest_of("b") == digest_of("b") + digest_of("a")
    assert digest_of("a") + digest_of("a") != digest_of("b") + digest_of("b")


def test_draw_that_was_published_whole_holds() -> None:
    check = check_draw(FACTS)
    assert (check.state, check.examined) == (CheckState.HELD, 50)


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "00" * 32},
        {"commitment": "00" * 32},
        {"starts": (AnnouncedStart(2_000, 500),)},
        {"beacon_source": "the next block"},
    ],
)
def test_draw_whose_values_do_not_agree_is_broken(changed: dict[str, Any]) -> None:
    assert check_draw(replace(FACTS, **changed)).state is CheckState.BROKEN


def test_announced_beacon_that_was_not_used_is_broken() -> None:
    draw = replace(DRAW, beacon_source="the next block")
    facts = replace(FACTS, beacon_source=draw.beacon_source, commitment=draw.commitment)
    assert check_draw(facts).state is CheckState.BROKEN
    assert check_draw(replace(facts, beacon="0f")).state is CheckState.HELD


def test_nothing_is_told_of_what_is_not_drawn() -> None:
    assert check_draw(None).state is CheckState.NOT_CHECKED
    assert check_draw(replace(FACTS, secret=None)).state is CheckState.NOT_CHECKED


def test_sealed_values_make_the_order_that_is_checked() -> None:
    order = DRAW.order(Sealed(50, "ab" * 20))
    assert sorted(order.numbers()) == list(range(1, 51))
