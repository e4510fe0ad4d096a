"""What a person sees while the crowd runs: a live panel on a terminal, plain lines elsewhere.

The figures come from two sides on purpose: the crowd's own tally (what visitors lived through) and
the sale's public status document (what the service says). Where they differ, somebody is wrong.
"""

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from holdfast_loadtest.client import Traffic
from holdfast_loadtest.crowd.tally import Stage, Tally
from holdfast_loadtest.wire import Status

FRAMES_PER_SECOND: Final = 4
LINE_EVERY_SECONDS: Final = 5.0
LINES_PER_HEADING: Final = 20
COLUMNS: Final = ("arrived", "waiting", "admitted", "a minute", "in the shop", "holding", "booked")
REQUESTS: Final = "requests/s"
REQUEST_SPAN_SECONDS: Final = 5.0
MAX_NOTES: Final = 5
BAR_WIDTH: Final = 34
FAILED_STATUS: Final = 500
COME_BACK_STATUS: Final = 503


@dataclass(slots=True)
class Picture:
    """Everything that is shown."""

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


class Display(Protocol):
    """Shows the picture; `note` is for what happens once."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, picture: Picture) -> None: ...

    def finish(self, picture: Picture) -> None: ...

    def note(self, text: str) -> None: ...


def make_display(*, headless: bool) -> Display:
    """A live panel for a person at a terminal, lines for a log."""
    if headless or not sys.stdout.isatty():
        return LineDisplay()
    return LiveDisplay(Console())


class LineDisplay:
    """Plain lines: readable in a log, and by a screen reader."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started = now()
        self._next = self._started
        self._lines = 0
        self._meter: Meter | None = None

    def __enter__(self) -> "LineDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, picture: Picture) -> None:
        if self._meter is None:
            self._meter = Meter(picture.traffic, self._now)
        rate = self._meter.per_second()
        if self._now() < self._next:
            return
        self._next = self._now() + LINE_EVERY_SECONDS
        if self._lines == 0:
            print("\n".join(["", *opening_of(picture), ""]))
        if self._lines % LINES_PER_HEADING == 0:
            print(f"{'':5}  {heading()}")
        self._lines += 1
        print(f"{clock(self._now() - self._started)}  {line_of(picture, rate)}", flush=True)

    def finish(self, picture: Picture) -> None:
        """The figures as they ended, and what became of everybody."""
        self._next = self._now()
        self.show(picture)
        print(f"\nOf {picture.tally.visitors:,} visitors: {endings_of(picture.tally)}.", flush=True)

    def note(self, text: str) -> None:
        print(f"{clock(self._now() - self._started)}  {text}", flush=True)


class LiveDisplay:
    """A panel that redraws itself."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=FRAMES_PER_SECOND)
        self._started = time.monotonic()
        self._meter: Meter | None = None
        self._notes: deque[str] = deque(maxlen=MAX_NOTES)

    def __enter__(self) -> "LiveDisplay":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, picture: Picture) -> None:
        if self._meter is None:
            self._meter = Meter(picture.traffic)
        elapsed = clock(time.monotonic() - self._started)
        panel = panel_of(picture, self._meter.per_second(), elapsed, list(self._notes))
        self._live.update(panel)

    def finish(self, picture: Picture) -> None:
        self.show(picture)

    def note(self, text: str) -> None:
        self._notes.append(text)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def opening_of(picture: Picture) -> list[str]:
    """What is about to be seen, for who reads lines."""
    _, stock = _stock(picture.status)
    on_sale = f"{stock:,} seats and places are on sale" if stock else "The sale is open"
    return [
        f"{on_sale}; {picture.tally.visitors:,} visitors come, "
        f"{picture.per_minute:,} a minute are let in.",
        f"Join them in a browser: {picture.shop_url}",
    ]


def heading() -> str:
    """The columns of `line_of`."""
    return "  ".join(f"{name:>8}" for name in (*COLUMNS, REQUESTS))


def line_of(picture: Picture, requests_per_second: float) -> str:
    """The picture in one line of a table."""
    tally, stages = picture.tally, picture.tally.stages
    figures = (
        tally.arrived,
        stages[Stage.WAITING],
        tally.happenings["admitted"],
        round(tally.admitted_per_minute()),
        stages[Stage.INSIDE],
        stages[Stage.HOLDING],
        _stock(picture.status)[0],
        round(requests_per_second),
    )
    names = (*COLUMNS, REQUESTS)
    pairs = zip(names, figures, strict=True)
    return "  ".join(f"{figure:>{max(len(name), 8)},}" for name, figure in pairs)


def panel_of(picture: Picture, requests_per_second: float, elapsed: str, notes: list[str]) -> Panel:
    """The picture as a panel."""
    state = picture.status.state if picture.status is not None else "opening"
    return Panel(
        Group(
            Text.assemble(("Join in: ", "bold"), (picture.shop_url, "bold cyan underline")),
            Text(),
            _figures(picture, requests_per_second),
            Text(),
            Text(endings_of(picture.tally), style="dim"),
            *(Text(note, style="yellow") for note in notes),
        ),
        title=f"[bold]Holdfast[/] - {picture.sale} is {state.replace('_', ' ')}",
        subtitle=elapsed,
        padding=(1, 2),
    )


def _figures(picture: Picture, requests_per_second: float) -> Table:
    tally, stages = picture.tally, picture.tally.stages
    crowd = tally.visitors
    status = picture.status
    sold, stock = _stock(status)
    held = status.held or 0 if status is not None else 0
    rate = f"{tally.admitted_per_minute():,.0f} a minute, set {picture.per_minute:,}"
    table = Table.grid(padding=(0, 2))
    _row(table, "arrived", tally.arrived, crowd, colour="cyan", remark=f"of {crowd:,}")
    _row(table, "waiting", stages[Stage.WAITING], crowd, colour="yellow", remark="in the line")
    _row(table, "admitted", tally.happenings["admitted"], crowd, colour="magenta", remark=rate)
    _row(table, "in the shop", stages[Stage.INSIDE], crowd, colour="blue", remark="choosing")
    _row(
        table,
        "held",
        held,
        stock,
        colour="bright_yellow",
        remark=f"by {stages[Stage.HOLDING]:,} buyers",
    )
    _row(table, "booked", sold, stock, colour="green", remark=f"of {stock:,} seats and places")
    table.add_row("requests", f"{requests_per_second:,.0f}/s", _traffic(picture.traffic), "")
    return table


def _row(table: Table, name: str, value: int, total: int, *, colour: str, remark: str) -> None:
    bar = ProgressBar(total=max(total, 1), completed=value, width=BAR_WIDTH, complete_style=colour)
    table.add_row(name, f"{value:,}", bar, remark)


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
    """What became of those whose story is over."""
    endings = (
        Stage.BOOKED,
        Stage.LAPSED,
        Stage.REFUNDED,
        Stage.LEFT,
        Stage.EMPTY_HANDED,
        Stage.NO_SHOW,
        Stage.QUIT,
        Stage.SOLD_OUT,
        Stage.TURNED_AWAY,
        Stage.TIMED_OUT,
        Stage.FAILED,
    )
    told = [f"{tally.stages[end]:,} {end.value}" for end in endings if tally.stages[end]]
    return ", ".join(told)
