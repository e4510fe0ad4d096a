"""What the benchmark of overload found, as data and as a table."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from holdfast_loadtest.open_loop.outcome import Outcome, percentile

CALM_FACTOR: Final = 2.0
CALM_MS, MOST_CALM_MS = 100.0, 300.0
"""Calm is a second whose p99 is at most so many times what it was before, or the lower of these,
and not above the higher.
"""


@dataclass(frozen=True)
class Measured:
    """One stream at one load."""

    crowd: str
    load: str
    offered: float
    """By the second; what the generator was too late for is not in it."""
    goodput: float
    """Answers 2xx within a second, by the second."""
    share: float
    """Of the peak; of what was offered where there is none."""
    p50_ms: float
    p99_ms: float
    """Of what was accepted, from the time at which it was due."""
    refused: dict[str, int]
    skipped: int
    mib: float = 0.0
    """Growth of the workers' resident memory, at most."""

    @classmethod
    def of(cls, crowd: str, load: str, outcome: Outcome, peak: float, mib: float = 0.0) -> Self:
        """What an outcome comes to; `peak` is 0 where there is none."""
        return cls(
            crowd=crowd,
            load=load,
            offered=outcome.offered / outcome.seconds,
            goodput=outcome.goodput,
            share=outcome.goodput / peak if peak else outcome.good_share,
            p50_ms=outcome.percentile_ms(0.5),
            p99_ms=outcome.percentile_ms(0.99),
            refused=outcome.refused,
            skipped=outcome.skipped,
            mib=mib,
        )


@dataclass(frozen=True)
class Recovery:
    """How long an overload is felt after it."""

    p99_ms_before: float
    p99_ms_after: list[float | None]
    """Of what was due in each second after it; None: nothing of that was accepted."""
    calm_seconds: float | None
    """From its end until each second is as before; None: not while it was watched."""

    @classmethod
    def of(cls, outcome: Outcome, begun: int, ended: int) -> Self:
        """What an outcome with an overload between these seconds comes to."""
        windows = list(outcome.windows())
        usual = array("d", (latency for window in windows[1:begun] for latency in window))
        before = percentile(usual, 0.99) * 1000
        after = [percentile(window, 0.99) * 1000 if window else None for window in windows[ended:]]
        bound = min(max(CALM_FACTOR * before, CALM_MS), MOST_CALM_MS)
        late = [second for second, p99 in enumerate(after, 1) if p99 is None or p99 > bound]
        calm = float(late[-1]) if late else 0.0
        return cls(before, after, None if calm == len(after) else calm)

    def __str__(self) -> str:
        after = ", ".join("-" if p99 is None else f"{p99:,.0f}" for p99 in self.p99_ms_after)
        seconds = self.calm_seconds
        calm = "not calm again" if seconds is None else f"calm after {seconds:.0f} s"
        return f"{calm}; p99 {self.p99_ms_before:,.0f} ms before, by the second after it {after}"


@dataclass
class Report:
    """Everything that one run has measured."""

    peaks: dict[str, float] = field(default_factory=dict)
    measured: list[Measured] = field(default_factory=list)
    recoveries: dict[str, Recovery] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    """What `slow_clients` tells."""


COLUMNS: Final = (
    "Crowd", "Load", "Offered/s", "Good/s", "Of the peak", "p50", "p99", "Memory", "Otherwise",
)  # fmt: skip
WIDTHS: Final = ("<10", "<20", ">9", ">8", ">11", ">9", ">9", ">10", "")


def cells(row: Measured) -> tuple[str, ...]:
    """A row of the table, as text."""
    otherwise = [f"{count:,} {end}" for end, count in row.refused.items()]
    if row.skipped:
        otherwise.append(f"({row.skipped:,} never offered: the generator was late)")
    figures = (f"{row.offered:,.0f}", f"{row.goodput:,.0f}", f"{row.share:.1%}")
    latencies = (f"{row.p50_ms:,.0f} ms", f"{row.p99_ms:,.0f} ms")
    return row.crowd, row.load, *figures, *latencies, f"{row.mib:+.0f} MiB", ", ".join(otherwise)


def line(shown: Sequence[str]) -> str:
    """Cells, or the names of their columns, for a terminal."""
    return " ".join(f"{cell:{width}}" for cell, width in zip(shown, WIDTHS, strict=True))
