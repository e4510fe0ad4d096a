"""Shows the demo's progress: a live panel on a terminal, plain lines elsewhere.

Figures of visitors are the crowd's own counts, those of units are from the sale's public status.
"""

import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from holdfast.cli.bars import FRAMES_PER_SECOND, bar_row, clock, live_panel
from holdfast_loadtest.client import Traffic
from holdfast_loadtest.crowd.tally import UNDER_WAY, Tally, VisitorState
from holdfast_loadtest.wire import Status

LINE_EVERY_SECONDS: Final = 5.0
LINES_PER_HEADING: Final = 20
COLUMNS: Final = ("arrived", "waiting", "admitted", "a minute", "in the shop", "holding", "booked")
REQUESTS: Final = "requests/s"
REQUEST_SPAN_SECONDS: Final = 5.0
MAX_NOTES: Final = 5
FAILED_STATUS: Final = 500
COME_BACK_STATUS: Final = 503


@dataclass(slots=True)
class Figures:
    """The figures that the display shows."""

    sale: str
    shop_url: str
    per_minute: int
    tally: Tally
    traffic: Traffic
    status: Status | None = None


class Meter:
    """Requests per second over the last moments."""

    def __init__(self, traffic: Traffic, now: Callable[[], float] = time.monotonic) -> None:
        self._traffic = traffic
        self._now = now
        self._seen: deque[tuple[float, int]] = deque([(now(), traffic.total)])

    def per_second(self) -> float:
        now, total = self._now(), self._traffic.total
        self._seen.append((now, total))
        while len(self._seen) > 2 and self._seen[1][0] <= now - REQUEST_SPAN_SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        return (total - before) / (now - since) if now > since else 0.0


class Display(ABC):
    """Shows the figures; `note` is for what happens once."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started = now()
        self._meter: Meter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @abstractmethod
    def show(self, figures: Figures) -> None: ...

    @abstractmethod
    def note(self, text: str) -> None: ...

    def finish(self, figures: Figures) -> None:
        """Shows the final figures."""
        self.show(figures)

    def _requests_per_second(self, figures: Figures) -> float:
        if self._meter is None:
            self._meter = Meter(figures.traffic, self._now)
        return self._meter.per_second()

    def _elapsed(self) -> str:
        return clock(self._now() - self._started)


def make_display(*, headless: bool) -> Display:
    """A live panel for a person at a terminal, lines for a log."""
    if headless or not sys.stdout.isatty():
        return LineDisplay()
    return LiveDisplay(Console())


class LineDisplay(Display):
    """Plain lines: readable in a log, and by a screen reader."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self._next = self._started
        self._lines = 0

    def show(self, figures: Figures) -> None:
        rate = self._requests_per_second(figures)
        if self._now() < self._next:
            return
        self._next = self._now() + LINE_EVERY_SECONDS
        if self._lines == 0:
            print("\n".join(["", *opening_of(figures), ""]))
        if self._lines % LINES_PER_HEADING == 0:
            print(f"{'':5}  {heading()}")
        self._lines += 1
        print(f"{self._elapsed()}  {line_of(figures, rate)}", flush=True)

    def finish(self, figures: Figures) -> None:
        """Prints the final figures and how the visits have ended."""
        self._next = self._now()
        self.show(figures)
        print(f"\nOf {figures.tally.visitors:,} visitors: {endings_of(figures.tally)}.", flush=True)

    def note(self, text: str) -> None:
        print(f"{self._elapsed()}  {text}", flush=True)


class LiveDisplay(Display):
    """A panel that redraws itself."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._live = Live(console=console, refresh_per_second=FRAMES_PER_SECOND)
        self._notes: deque[str] = deque(maxlen=MAX_NOTES)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, figures: Figures) -> None:
        rate, notes = self._requests_per_second(figures), list(self._notes)
        self._live.update(panel_of(figures, rate, self._elapsed(), notes))

    def note(self, text: str) -> None:
        self._notes.append(text)


def opening_of(figures: Figures) -> list[str]:
    """The first lines of the plain display."""
    _, stock = _stock(figures.status)
    on_sale = f"{stock:,} seats and places are on sale" if stock else "The sale is open"
    return [
        f"{on_sale}; {figures.tally.visitors:,} visitors come, "
        f"{figures.per_minute:,} a minute are let in.",
        f"Join them in a browser: {figures.shop_url}",
    ]


def heading() -> str:
    """The columns of `line_of`."""
    return "  ".join(f"{name:>8}" for name in (*COLUMNS, REQUESTS))


def line_of(figures: Figures, requests_per_second: float) -> str:
    """The figures as one line of a table."""
    tally, states = figures.tally, figures.tally.states
    counts = (
        tally.arrived,
        states[VisitorState.WAITING],
        tally.happenings["admitted"],
        round(tally.admitted_per_minute()),
        states[VisitorState.INSIDE],
        states[VisitorState.HOLDING],
        _stock(figures.status)[0],
        round(requests_per_second),
    )
    names = (*COLUMNS, REQUESTS)
    pairs = zip(names, counts, strict=True)
    return "  ".join(f"{figure:>{max(len(name), 8)},}" for name, figure in pairs)


def panel_of(figures: Figures, requests_per_second: float, elapsed: str, notes: list[str]) -> Panel:
    """The panel that shows the figures."""
    state = figures.status.state if figures.status is not None else "opening"
    return live_panel(
        f"[bold]Holdfast[/] - {figures.sale} is {state.replace('_', ' ')}",
        elapsed,
        Text.assemble(("Join in: ", "bold"), (figures.shop_url, "bold cyan underline")),
        Text(),
        _figures(figures, requests_per_second),
        Text(),
        Text(endings_of(figures.tally), style="dim"),
        *(Text(note, style="yellow") for note in notes),
    )


def _figures(figures: Figures, requests_per_second: float) -> Table:
    tally, states = figures.tally, figures.tally.states
    crowd = tally.visitors
    status = figures.status
    sold, stock = _stock(status)
    held = status.held or 0 if status is not None else 0
    rate = f"{tally.admitted_per_minute():,.0f} a minute, set {figures.per_minute:,}"
    waiting, inside = states[VisitorState.WAITING], states[VisitorState.INSIDE]
    by_buyers = f"by {states[VisitorState.HOLDING]:,} buyers"
    on_sale = f"of {stock:,} seats and places"
    table = Table.grid(padding=(0, 2))
    for name, value, total, colour, remark in (
        ("arrived", tally.arrived, crowd, "cyan", f"of {crowd:,}"),
        ("waiting", waiting, crowd, "yellow", "in the line"),
        ("admitted", tally.happenings["admitted"], crowd, "magenta", rate),
        ("in the shop", inside, crowd, "blue", "choosing"),
        ("held", held, stock, "bright_yellow", by_buyers),
        ("booked", sold, stock, "green", on_sale),
    ):
        bar_row(table, name, value, total, colour=colour, remark=remark)
    table.add_row("requests", f"{requests_per_second:,.0f}/s", _traffic(figures.traffic), "")
    return table


def _stock(status: Status | None) -> tuple[int, int]:
    """Units sold, and units there are."""
    if status is None:
        return 0, 0
    sold = status.sold or 0
    return sold, sold + (status.held or 0) + (status.sellable or 0)


def _traffic(traffic: Traffic) -> str:
    errors = sum(n for (_, status), n in traffic.answers.items() if status == FAILED_STATUS)
    busy = traffic.of_status(COME_BACK_STATUS)
    return f"{traffic.total:,} so far; {errors} failed, {busy} told to come back"


def endings_of(tally: Tally) -> str:
    """How the visits that are over have ended, as text."""
    endings = [state for state in VisitorState if state not in UNDER_WAY]
    told = [f"{tally.states[end]:,} {end.value}" for end in endings if tally.states[end]]
    return ", ".join(told)
