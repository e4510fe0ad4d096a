"""Parts of a live panel on a terminal, alike for `holdfast sale watch` and `holdfast demo`."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

FRAMES_PER_SECOND: Final = 4
BAR_WIDTH: Final = 34
LEVELS: Final = "▁▂▃▄▅▆▇█"


def live_panel(title: Text | str, subtitle: str, *parts: RenderableType) -> Panel:
    """The parts in a frame."""
    return Panel(Group(*parts), title=title, subtitle=subtitle, padding=(1, 2))


def bar_row(table: Table, name: str, value: int, total: int, *, colour: str, remark: str) -> None:
    """A row with a figure, a bar that shows its share of `total`, and a remark."""
    bar = ProgressBar(total=max(total, 1), completed=value, width=BAR_WIDTH, complete_style=colour)
    table.add_row(name, f"{value:,}", bar, Text(remark))


def clock(seconds: float) -> str:
    """Minutes and seconds: `02:05`."""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def spark(values: Sequence[float | None], width: int = BAR_WIDTH) -> str:
    """A series as one line of text: the largest value of each of `width` spans, from 0 up.

    A span without a value is a space, so a gap is seen as one.
    """
    shown = values[-(len(values) // width or 1) * width :]
    size = max(1, len(shown) // width)
    spans = [shown[at : at + size] for at in range(0, len(shown), size)]
    peaks = [max((one for one in span if one is not None), default=None) for span in spans]
    highest = max((peak for peak in peaks if peak is not None), default=0) or 1
    top = len(LEVELS) - 1
    return "".join(
        " " if peak is None else LEVELS[min(top, round(peak / highest * top))] for peak in peaks
    )
