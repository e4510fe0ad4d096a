"""What the page shows: the people ahead, and how long it rests between two looks."""

import pytest

from holdfast_loadtest.crowd.page import HIDDEN_SECONDS, ShownPosition, poll_seconds, users_ahead
from holdfast_loadtest.crowd.profiles import Pace, VisitorProfile, draw
from holdfast_loadtest.wire import Status
from holdfast_queue.line import presence


def status(serving: int, *gaps: tuple[int, int], revision: int = 1, rate: float = 60) -> Status:
    return Status(
        "open",
        revision,
        serving=serving,
        gaps=list(gaps),
        admitted_per_minute=rate,
        refresh_interval_seconds=2.0,
    )


def somebody(*, hidden: bool) -> VisitorProfile:
    return next(
        profile
        for profile in (draw(1, index, Pace()) for index in range(200))
        if profile.hides_the_tab is hidden
    )


@pytest.mark.parametrize(("number", "ahead"), [(1, 0), (10, 0), (11, 0), (12, 1), (20, 9)])
def test_users_ahead_counts_the_uncalled_before_a_number(number: int, ahead: int) -> None:
    assert users_ahead(number, status(10)) == ahead


@pytest.mark.parametrize(
    ("gap", "ahead"),
    [((12, 14), 6), ((8, 12), 7), ((18, 30), 7), ((1, 10), 9), ((20, 25), 9), ((11, 19), 0)],
)
def test_users_ahead_leaves_out_numbers_never_given(gap: tuple[int, int], ahead: int) -> None:
    assert users_ahead(20, status(10, gap)) == ahead


def test_sight_drops_an_older_document() -> None:
    shown = ShownPosition()
    assert shown.accept(status(10, revision=5))
    assert not shown.accept(status(9, revision=4))
    assert shown.accept(status(11, revision=5))
    assert shown.status is not None
    assert shown.status.serving == 11


def test_sight_counts_anew_in_a_rebuilt_history() -> None:
    shown = ShownPosition(ahead=3)
    shown.accept(status(10, revision=5))
    shown.ahead = 3
    shown.accept(status(11, revision=6))
    assert shown.ahead == 3
    shown.accept(status(2, revision=2**36 + 1))
    assert shown.ahead is None


def test_poll_follows_the_interval_near_the_front() -> None:
    profile = somebody(hidden=False)
    assert 2.0 <= poll_seconds(status(0), 0, profile) <= 2.6


def test_poll_is_rarer_far_back_and_bounded() -> None:
    profile = somebody(hidden=False)
    assert 4.0 <= poll_seconds(status(0), 120, profile) <= 5.2
    assert 30.0 <= poll_seconds(status(0), 100_000, profile) <= 39.0


def test_poll_of_a_hidden_tab_is_rare_but_never_stops() -> None:
    profile = somebody(hidden=True)
    assert 2.0 <= poll_seconds(status(0), 0, profile) <= 2.6
    assert 32.0 <= poll_seconds(status(0), 120, profile) <= 40.0
    assert 44.0 <= poll_seconds(status(0), 100_000, profile) <= 55.0


def test_hidden_tab_rests_no_longer_than_the_services_page_lets_it() -> None:
    assert presence.HIDDEN_SECONDS == HIDDEN_SECONDS
