"""One line on how a run stands, every few seconds."""

from __future__ import annotations

from typing import Any


def progress_line(seconds: float, live: dict[str, Any]) -> str:
    """Time since the start, who is where, and what has been refused; see `RunRecord.live`."""
    funnel = live["funnel"]
    parts = [
        f"{int(seconds) // 60}:{int(seconds) % 60:02d}",
        f"arrived {funnel['arrived']:,}",
        f"waiting {live['waiting']:,}",
        f"admitted {funnel['admitted']:,}",
        f"holding {live['holding']:,}",
        f"booked {funnel['confirmed']:,}",
        f"refusals {sum(live['refusals'].values()):,}",
    ]
    if live["waits"]["p50"] is not None:
        parts.append(f"wait p50 {live['waits']['p50']:.0f} s p90 {live['waits']['p90']:.0f} s")
    if live["workers"] > 1:
        parts.append(f"{live['workers']} workers")
    return "  ".join(parts)
