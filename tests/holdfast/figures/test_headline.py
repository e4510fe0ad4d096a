import pytest
from support.line.status import line_status

from holdfast.figures.headline import duration, headline
from holdfast_queue.line.status import SaleState

LINE = line_status(
    free=880,
    booked=120,
    issued=5120,
    ceiling=9999,
    serving=1000,
    called_from=1001,
    active=20,
    called=1000,
    claimed=1000,
    admitted=1000,
    rate_per_minute=600,
    cap=100,
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
