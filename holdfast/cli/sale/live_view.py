"""The live figures of a sale as a panel and as lines: pure functions of the document of the API."""

from collections.abc import Iterator
from typing import Any, Final

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from holdfast.api_client import Document
from holdfast.cli.bars import bar_row, live_panel, spark
from holdfast.cli.remote.output import NOTHING, money, printable, when

FIGURES: Final = {
    "waiting": ("line", "waiting"),
    "inside": ("line", "active"),
    "a minute": ("line", "rate_realised"),
    "free": ("stock", "free"),
    "held": ("stock", "held"),
    "sold": ("stock", "booked"),
}
"""the columns of a line, by their members of the live document"""
WIDTH: Final = 9
COLOURS: Final = {"ok": "green", "info": "cyan", "warning": "yellow", "critical": "red"}


def heading() -> str:
    """The columns of `line_of`."""
    return "  ".join(f"{name:>{WIDTH}}" for name in ("time", "state", *FIGURES))


def line_of(live: Document) -> str:
    """The figures as one line of a table; what is wrong stands at its end."""
    counts = (_count(_get(live, *path)) for path in FIGURES.values())
    figures = (live["time"][11:19], live["state"], *counts)
    alerts = [printable(alert["text"]) for alert in _alerts(live)]
    return "  ".join([*(f"{figure:>{WIDTH}}" for figure in figures), *alerts])


def panel_of(live: Document) -> Panel:
    """The figures as a panel."""
    state = str(live["state"]).replace("_", " ")
    return live_panel(
        Text.assemble(
            ("Holdfast", "bold"),
            f" - {printable(live['name'])} is {state}",
            (" TEST SALE" if live.get("test") else "", "bold reverse"),
        ),
        when(live["time"]),
        Text(printable(live.get("headline") or ""), style="bold"),
        Text(),
        _figures(live),
        Text(),
        *_remarks(live),
        *(
            Text(printable(alert["text"]), style=COLOURS.get(alert["severity"], "red"))
            for alert in _alerts(live)
        ),
    )


def _figures(live: Document) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value, total, colour, remark in _rows(live):
        if value is not None:
            bar_row(table, name, value, total, colour=colour, remark=remark)
    for name, series in (("waiting", "waiting"), ("a minute", "rate_realised")):
        if points := _get(live, "history", "series", series):
            line = Text(spark(points), style="cyan")
            table.add_row(name, "", line, Text("up to now", style="dim"))
    return table


def _rows(live: Document) -> Iterator[tuple[str, int | None, int, str, str]]:
    """Name, figure, what it is a share of, colour and remark of each bar."""
    line, stock = live["line"], live["stock"]
    joined = _get(live, "funnel", "joined") or line["waiting"] or 0
    present = line.get("present")
    there = "" if present is None else f"{present:,} of them there"
    rates = f"{_count(line.get('rate_realised'))} a minute, {_count(line.get('rate_set'))} set"
    cap, total = line.get("active_max") or 0, stock["total"]
    free = f"of {total:,}, {_count(stock['free'])} free"
    yield "waiting", line["waiting"], joined, "yellow", there
    yield "admitted", _get(live, "funnel", "admitted"), joined, "magenta", rates
    yield "inside", line.get("active"), cap, "blue", f"of {cap:,}"
    yield "held", stock["held"], total, "bright_yellow", "in carts"
    yield "sold", stock["booked"], total, "green", free
    for one in stock.get("categories") or ():
        units = (one["free"], one["held"], one["booked"])
        name = f"  {printable(one['category'])}"
        yield name, one["booked"], sum(units), "green", f"{one['free']:,} free"


def _remarks(live: Document) -> Iterator[Text]:
    """Waits, money and forecast, as far as they are known."""
    if (seconds := _get(live, "waits", "estimated_seconds")) is not None:
        yield Text(f"Who joins now waits about {seconds / 60:,.0f} min")
    currency = live.get("currency") or "EUR"
    if (confirmed := _get(live, "revenue", "confirmed")) is not None:
        refunded = money(_get(live, "revenue", "refunded") or 0, currency)
        yield Text(f"Sold for {money(confirmed, currency)}, refunded {refunded}")
    if end := _get(live, "forecast", "sold_out_at"):
        yield Text(f"Sold out between {when(end['earliest'])} and {when(end['latest'])}")


def _alerts(live: Document) -> list[Document]:
    alerts: list[Document] = _get(live, "health", "alerts") or []
    return alerts


def _get(document: Document, *path: str) -> Any:
    """A member of members; None where any is missing, as a later version may leave it out."""
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"
