"""What `holdfast simulate` shows: tables on the terminal, and the sale over time as a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from holdfast_simulator.chart import Curve, Mark, line_chart
from holdfast_simulator.recommendation import Recommendation
from holdfast_simulator.summary import SimulationResult

Figure = Callable[[SimulationResult], float | None]


def time_text(seconds: float | None) -> str:
    """`12:05`, or `1:02:05` with hours; a dash where it is not known."""
    if seconds is None:
        return "-"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _cores(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


ROWS: Final[tuple[tuple[str, str, Figure, Callable[[float | None], str]], ...]] = (
    ("", "sold out after", lambda r: r.sold_out_after_s, time_text),
    ("waits", "half wait up to", lambda r: r.waits.p50, time_text),
    ("waits", "nine in ten up to", lambda r: r.waits.p90, time_text),
    ("waits", "99 in a hundred up to", lambda r: r.waits.p99, time_text),
    ("people", "came", lambda r: r.funnel.arrived, _count),
    ("people", "called", lambda r: r.funnel.called, _count),
    ("people", "let in", lambda r: r.funnel.admitted, _count),
    ("people", "held something", lambda r: r.funnel.held, _count),
    ("people", "bought", lambda r: r.funnel.confirmed, _count),
    ("people", "lost patience", lambda r: r.funnel.left, _count),
    ("people", "went empty-handed", lambda r: r.funnel.empty_handed, _count),
    ("units", "sold", lambda r: r.seats.booked, _count),
    ("units", "of holds that lapsed", lambda r: r.seats.lapsed, _count),
    ("units", "sold again after that", lambda r: r.seats.resold, _count),
    ("at most", "waiting", lambda r: r.peaks.waiting, _count),
    ("at most", "in the shop", lambda r: r.peaks.active, _count),
    ("at most", "entering the shop a second", lambda r: r.load.entering_per_s, _count),
    ("at most", "joins a second", lambda r: r.peaks.joins_per_s, _count),
    ("at most", "polls a second", lambda r: r.peaks.polls_per_s, _count),
    ("cores", "workers, busiest second", lambda r: r.load.busiest.workers, _cores),
    ("cores", "workers, on average", lambda r: r.load.average.workers, _cores),
    ("cores", "store, busiest second", lambda r: r.load.busiest.store, _cores),
    ("cores", "ledger, busiest second", lambda r: r.load.busiest.ledger, _cores),
    ("cores", "shop, busiest second", lambda r: r.load.shop_cores, _cores),
)


def print_result(console: Console, results: Sequence[SimulationResult]) -> None:
    """The figures; over several seeds the median, with the least and the most."""
    first = results[0]
    title = f"{first.scenario}: {first.rate:,} a minute, burst {first.burst:,}, cap {first.cap:,}"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("")
    table.add_column("")
    table.add_column("", justify="right")
    if len(results) > 1:
        table.add_column(f"least of {len(results)} seeds", justify="right")
        table.add_column("most", justify="right")
    group = ""
    for heading, name, figure, text in ROWS:
        known = [value for value in map(figure, results) if value is not None]
        if not known and heading == "cores":
            continue
        cells = [text(median(known)) if 2 * len(known) > len(results) else "-"]
        if len(results) > 1:
            most = max(known) if len(known) == len(results) else None
            cells += [text(min(known, default=None)), text(most)]
        table.add_row(heading if heading != group else "", name, *cells)
        group = heading
    console.print(table, highlight=False)


def print_recommendation(console: Console, found: Recommendation) -> None:
    """The settings and how sure they are, or what stands in the way."""
    if found.bound:
        console.print(f"[bold red]No settings meet this goal.[/] {found.bound}", highlight=False)
        return
    sale, certainty = found.world.sale, found.certainty
    low, high = certainty.interval
    console.print("[bold]Recommended[/]", highlight=False)
    for name in ("new_users_per_minute", "burst", "total_active_users"):
        console.print(f"  {name:22} {getattr(sale, name):>9,}", highlight=False)
    console.print(
        f"  holds in {certainty.held} of {certainty.seeds} seeds: "
        f"in {low:.0%} to {high:.0%} of such sales (95% interval)\n",
        highlight=False,
    )


def spread_of(results: Sequence[SimulationResult]) -> list[dict[str, Any]]:
    """The main figures of each seed."""
    return [
        {
            "seed": result.seed,
            "sold_out_after_s": result.sold_out_after_s,
            "waits": {"p50": result.waits.p50, "p90": result.waits.p90},
            "active": result.peaks.active,
            "booked": result.seats.booked,
        }
        for result in results
    ]


def svg(title: str, result: SimulationResult) -> str:
    """Who waits, was called and was let in, what is held and sold, over time."""
    points = result.series
    xs = [point.at_s for point in points]
    named = ("arrived", "waiting", "called", "admitted", "held", "booked")
    curves = [Curve(name, xs, [getattr(point, name) for point in points]) for name in named]
    marks = [Mark(0.0, "opening")] if xs and xs[0] < 0 else []
    if result.sold_out_after_s is not None:
        marks.append(Mark(result.sold_out_after_s, "sold out"))
    return line_chart(
        f"{title}, simulated",
        curves,
        x_label="time since the opening",
        y_label="visitors and units",
        marks=marks,
        x_scale="seconds",
    )
