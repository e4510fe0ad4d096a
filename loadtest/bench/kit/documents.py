"""Results as docs/performance.md shows them: a line on the machine, tables, and growth curves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from bench.kit.clocks import PARTS
from bench.kit.results import Compared, Result, SideFigures
from bench.kit.spread import Spread
from holdfast_simulator.chart import Curve, line_chart

HEAD: Final = (
    "Compared", "Side", "A second", "Processor time, us", "By processor time", "By rate", "Aim",
)  # fmt: skip
AIMS_HEAD: Final = ("Benchmark", "Compared", "Measured", "Aim", "")
FACTS_HEAD: Final = ("What", "Measured", "Aim")


def section(result: Result) -> str:
    """The generated part of one benchmark: Markdown without a heading."""
    parts = [origin(result)]
    if result.comparisons:
        rows = [row for compared in result.comparisons for row in _rows(compared)]
        parts.append(markdown_table(HEAD, rows))
    if curves(result) is not None:
        parts.append(f"![{_curve_title(result)}](images/{picture_name(result)})")
    if result.facts:
        facts = [
            (one.name, f"{one.value:,.4g} {one.unit}".strip(), one.aim) for one in result.facts
        ]
        parts.append(markdown_table(FACTS_HEAD, facts))
    parts += [markdown_table(table.head, table.rows) for table in result.tables]
    return "\n\n".join(parts)


def origin(result: Result) -> str:
    """When, where and how it was measured."""
    machine = result.machine
    options = " ".join(_option(name, value) for name, value in result.parameters.items())
    return (
        f"Measured {result.measured_at[:10]} in {result.seconds:.0f} s on {machine.cores} cores, "
        f"load {machine.load[0]:.1f} at the start and {machine.load[1]:.1f} at the end; "
        f"`{result.bench}.py {options}`."
    )


def surroundings(results: Iterable[Result]) -> str:
    """What was measured with: one line for each set of versions and machine."""
    lines: dict[str, None] = {}
    for result in results:
        shown = ", ".join(
            f"{'Python' if name == 'python' else name} {number}"
            for name, number in result.versions.items()
        )
        machine = result.machine
        lines[f"{machine.cores} cores ({machine.processor}, {machine.system}); {shown}"] = None
    return "\n".join(f"Measured on {line}." for line in lines)


def aims(results: Sequence[Result]) -> str:
    """What was measured with, and one row for each aim of all benchmarks."""
    rows = []
    for result in results:
        for compared in result.comparisons:
            for aim in compared.aims:
                ratio = compared.side(aim.side).ratio(aim.by)
                side = "" if len(compared.sides) == 2 else f": {aim.side}"
                by = "rate" if aim.by == "rate" else "processor time"
                what = f"{compared.name}{side}, beside {compared.yardstick}, by {by}"
                word = "reached" if compared.reached(aim) else "missed"
                shown = "not measurable" if ratio is None else str(ratio)
                rows.append((f"`{result.bench}`", what, shown, f"{aim.at_least:.2f}", word))
    return f"{surroundings(results)}\n\n{markdown_table(AIMS_HEAD, rows)}"


def picture_name(result: Result) -> str:
    return f"bench-{result.bench.replace('_', '-')}.svg"


def curves(result: Result) -> str | None:
    """Processor time by size, one curve for each comparison whose sides differ in a size."""
    shown = [compared for compared in result.comparisons if compared.is_curve]
    if not shown:
        return None
    lines = [
        Curve(
            compared.name,
            [side.size or 0.0 for side in compared.sides],
            [_counted(compared, side) for side in compared.sides],
        )
        for compared in shown
    ]
    sizes = [x for line in lines for x in line.xs]
    return line_chart(
        _curve_title(result),
        lines,
        x_label=shown[0].sides[0].name.partition(" ")[2],
        y_label="us",
        x_scale="log" if min(sizes) > 0 and max(sizes) >= 10 * min(sizes) else "linear",
        y_scale="log",
    )


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(head), "|" + " --- |" * len(head), *map(_row, rows)]
    return "\n".join(lines)


def _curve_title(result: Result) -> str:
    return f"{result.bench}: processor time of an operation by size"


def _counted(compared: Compared, side: SideFigures) -> float:
    return sum(side.cpu_us[part].median for part in compared.counted)


def _rows(compared: Compared) -> Iterator[tuple[str, ...]]:
    for number, side in enumerate(compared.sides):
        micros = ", ".join(
            f"{part} {side.cpu_us[part].median:,.0f}" for part in PARTS if part in side.cpu_us
        )
        aimed = [aim for aim in compared.aims if aim.side == side.name]
        yield (
            compared.name if number == 0 else "",
            side.name,
            f"{side.rate.median:,.0f} {compared.unit}",
            micros,
            _ratio(side.by_cpu, side.name == compared.yardstick),
            _ratio(side.by_rate, side.name == compared.yardstick),
            ", ".join(
                f"{aim.at_least:.2f}{' by rate' if aim.by == 'rate' else ''}: "
                f"{'reached' if compared.reached(aim) else 'missed'}"
                for aim in aimed
            ),
        )


def _ratio(spread: Spread | None, is_yardstick: bool) -> str:
    if is_yardstick:
        return "1"
    return "" if spread is None else str(spread)


def _option(name: str, value: Any) -> str:
    words = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    flag = f"--{name.replace('_', '-')}"
    return flag if value is True else f"{flag} {words}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
