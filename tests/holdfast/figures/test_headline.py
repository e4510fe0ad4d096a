import pytest

from holdfast.figures.headline import duration, headline
from holdfast_lua.calls.line_status import LineMode, LineStatus
from holdfast_queue.line.status import SaleState

LINE = LineStatus(
    *("live", "open", 0, 0, 0, 1, 880, 0, 120, True, 0, 5120, 9999, 1000, 1001, (), 20, 0, 1000),
    *(1000, 0, 1000, 600, 100, LineMode.LINE, False, 1.0, 0.0, 0, 0),
)
SOON = 1260.0


@pytest.mark.parametrize(
    ("state", "out", "said"),
    [
        (SaleState.OPEN, SOON, "4,120 waiting, 598 a minute, sold out in about 21 min"),
        (SaleState.OPEN, None, "4,120 waiting, 598 a minute, 880 left"),
        (SaleState.PAUSED, None, "4,120 waiting, paused"),
        (SaleState.LOBBY, None, "4,120 in the lobby"),
        (SaleState.SCHEDULED, None, "Not open yet"),
        (SaleState.SOLD_OUT, None, "4,120 waiting, sold out, 120 sold"),
        (SaleState.CLOSED, None, "Closed, 120 sold"),
    ],
)
def test_each_state_has_its_sentence(state: SaleState, out: float | None, said: str) -> None:
    assert headline(state, LINE, 598.2, out) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (119, "119 s"), (121, "2 min"), (7140, "119 min"), (7800, "2 h 10 min")],
)
def test_duration_is_told_in_its_largest_unit(seconds: float, said: str) -> None:
    assert duration(seconds) == said
