import logging

import pytest

from holdfast_web.server.rejections import LOG_SECONDS, Rejection, Rejections


def test_rejections_are_counted_and_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Given a hundred within the period, the first is told at once and the rest with the next."""
    counted: list[str] = []
    now = 1000.0
    rejections = Rejections(counted.append, clock=lambda: now)
    with caplog.at_level(logging.INFO):
        for _ in range(99):
            rejections.add(Rejection.MALFORMED)
        rejections.add(Rejection.ENCODED)
        assert len(caplog.messages) == 1
        now += LOG_SECONDS
        rejections.add(Rejection.ENCODED)
    assert counted == ["malformed"] * 99 + ["encoded"] * 2
    first, second = caplog.messages
    assert first.endswith(": 1 malformed")
    assert second.endswith(": 2 encoded, 98 malformed")
