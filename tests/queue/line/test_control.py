"""Does the realised rate meet the set rate, whatever share of the called never comes?"""

import pytest
from conftest import Clock
from support.line.harness import TERMS, Crowd, LineFactory, Pages, burst_excess, with_terms

DEFAULT_WINDOW_SECONDS = TERMS.claim_ms // 1000


@pytest.mark.parametrize(
    ("rate", "window_seconds", "show_share"),
    [
        (600, 20, 1.0),
        pytest.param(600, 20, 0.5, marks=pytest.mark.torture),
        (600, 20, 0.1),
        (1800, 20, 0.5),
        pytest.param(60, DEFAULT_WINDOW_SECONDS, 1.0, marks=pytest.mark.torture),
        pytest.param(60, DEFAULT_WINDOW_SECONDS, 0.5, marks=pytest.mark.torture),
        (60, DEFAULT_WINDOW_SECONDS, 0.1),
        pytest.param(300, DEFAULT_WINDOW_SECONDS, 0.1, marks=pytest.mark.torture),
    ],
)
async def test_realised_rate_converges_on_the_set_rate(
    make_line: LineFactory, clock: Clock, rate: int, window_seconds: int, show_share: float
) -> None:
    # Given a long line of whom only some will come
    tolerance = 0.03 if show_share >= 0.5 else 0.10
    await clock.stand_still()
    line = await make_line(rate_per_minute=rate, claim_ms=window_seconds * 1000)
    await line.fill(round(rate / 60 * 4 * window_seconds / show_share) + 500)
    crowd = Crowd(line, show_share)
    # When two claim windows have passed
    await crowd.live(2 * window_seconds)
    begin_ms = crowd.passes_ms[-1]
    early = len(crowd.passes_ms)
    await crowd.live(window_seconds * 1.5)
    # Then passes come at the set rate, and never faster than the bucket allows
    late = len(crowd.passes_ms) - early
    expected = (crowd.passes_ms[-1] - begin_ms) * rate / 60_000
    assert late == pytest.approx(expected, rel=tolerance)
    assert burst_excess(crowd.passes_ms, rate, line.terms.burst) <= 1e-6


@pytest.mark.parametrize(("show_share", "later"), [(0.9, 0.3), (0.3, 0.9)])
async def test_realised_rate_comes_back_when_the_show_share_changes(
    make_line: LineFactory, clock: Clock, show_share: float, later: float
) -> None:
    # Given a line that has settled on the share of those who come, in windows of the default length
    await clock.stand_still()
    line = await make_line(rate_per_minute=120)
    await line.fill(round(2 * 4 * DEFAULT_WINDOW_SECONDS / min(show_share, later)))
    crowd = Crowd(line, show_share)
    await crowd.live(DEFAULT_WINDOW_SECONDS)
    # When another share of them comes from now on
    crowd.show_share = later
    await crowd.live(DEFAULT_WINDOW_SECONDS)
    # Then one window later passes come at the set rate again
    begin_ms, early = crowd.passes_ms[-1], len(crowd.passes_ms)
    await crowd.live(DEFAULT_WINDOW_SECONDS)
    expected = (crowd.passes_ms[-1] - begin_ms) * 120 / 60_000
    assert len(crowd.passes_ms) - early == pytest.approx(expected, rel=0.03)
    assert burst_excess(crowd.passes_ms, 120, line.terms.burst) <= 1e-6


async def test_full_sale_admits_as_many_as_leave(make_line: LineFactory, clock: Clock) -> None:
    # Given a cap that binds: sessions of a minute, slots for half of the rate, half of them come
    await clock.stand_still()
    line = await make_line(rate_per_minute=120, cap=60, session_ms=60_000)
    await line.fill(2_000)
    crowd = Crowd(line, 0.5)
    most = 0
    for _ in range(3 * DEFAULT_WINDOW_SECONDS):
        await crowd.live(1)
        assert line.status is not None
        most = max(most, line.status.active)
    # Then the cap is met and never passed, and those who leave are replaced within two polls
    assert most == line.terms.cap
    late = crowd.passes_between(await line.now_ms() - 120_000, await line.now_ms())
    assert 0.90 <= late / 120 <= 1.0


async def test_changed_rate_is_met_at_once(make_line: LineFactory, clock: Clock) -> None:
    await clock.stand_still()
    line = await make_line(rate_per_minute=60)
    await line.fill(3_000)
    crowd = Crowd(line, 0.5)
    await crowd.live(DEFAULT_WINDOW_SECONDS)
    for version, rate in ((2, 240), (3, 30)):
        with_terms(line, rate_per_minute=rate)
        await line.update(version=version)
        await crowd.live(30)
        begin_ms = await line.now_ms()
        await crowd.live(60)
        met = crowd.passes_between(begin_ms, begin_ms + 60_000)
        assert met == pytest.approx(rate, rel=0.05, abs=1.5)


@pytest.mark.parametrize(("burst", "share"), [(1, 0.62), (10, 1.0)])
async def test_pages_meet_the_rate_with_a_burst_of_one_second_of_it(
    make_line: LineFactory, clock: Clock, burst: int, share: float
) -> None:
    """`Retry-After` is whole seconds: a bucket of half a second runs over until who found it empty
    comes again.
    """
    await clock.stand_still()
    line = await make_line(rate_per_minute=600, burst=burst, claim_ms=20_000)
    await line.fill(1_500)
    pages = Pages(line, 0.9)
    await pages.live(20)
    begin_ms = await line.now_ms()
    await pages.live(60)
    met = pages.passes_between(begin_ms, begin_ms + 60_000) / 600
    assert met == pytest.approx(share, abs=0.05)
