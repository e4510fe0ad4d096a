"""Examples that Hypothesis draws are bounded in number, and not in time."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

PAUSE_SECONDS = 0.3
_paused: list[int] = []


@given(st.integers())
def test_example_in_which_the_process_stands_still_is_no_failure(number: int) -> None:
    if not _paused:
        _paused.append(number)
        time.sleep(PAUSE_SECONDS)
