"""Does the realised rate meet the set rate, whatever share of the called never comes?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from line_harness import Crowd, Line, burst_excess

LineFactory = Callable[..., Awaitable[Line]]
WINDOW_SECONDS = 20


@pytest.mark.parametrize(
    ("rate", "show_share", "tolerance"),
    [(600, 1.0, 0.03), (600, 0.5, 0.03), (600, 0.1, 0.10), (1800, 0.5, 0.03)],
)
async def test_realised_rate_converges_on_the_set_rate(
    make_line: LineFactory, rate: int, show_share: float, tolerance: float
) -> None:
    # Given a long line of whom only some will come
    line = await make_line(rate_per_minute=rate, claim_ms=WINDOW_SECONDS * 1000)
    await line.fill(round(rate / 60 * 4 * WINDOW_SECONDS / show_share) + 500)
    crowd = Crowd(line, show_share)
    # When two claim windows have passed
    await crowd.live(2 * WINDOW_SECONDS)
    begin_ms = crowd.passes_ms[-1]
    early = len(crowd.passes_ms)
    await crowd.live(WINDOW_SECONDS * 1.5)
    # Then passes come at the set rate, and never faster than the bucket allows
    late = len(crowd.passes_ms) - early
    expected = (crowd.passes_ms[-1] - begin_ms) * rate / 60_000
    assert late == pytest.approx(expected, rel=tolerance)
    assert burst_excess(crowd.passes_ms, rate, line.terms.burst) <= 1e-6
