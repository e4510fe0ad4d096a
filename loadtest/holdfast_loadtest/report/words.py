"""How the figures of a report are written."""

from __future__ import annotations

from typing import Final

from holdfast_loadtest.report.thresholds import AT_LEAST

UNKNOWN: Final = "\N{EN DASH}"
_UNIT: Final = "\N{NO-BREAK SPACE}"
"""between a number and its unit"""
THRESHOLDS: Final = {
    "refused_share": "Requests that were refused",
    "failed_share": "Requests that failed",
    "wait_p50_s": "Wait, half of all visitors",
    "wait_p90_s": "Wait, nine in ten visitors",
    "estimate_error_p50_s": "Estimate off by, half of all visitors",
    "estimate_error_p90_s": "Estimate off by, nine in ten visitors",
    "rate_error": "Admissions off the set rate by",
    "goodput_per_s": "Orders a second",
    "waited_share": "Admitted visitors who really waited",
    "sold_out_s": "Sold out after",
}

HOW: Final = {
    "every receipt of every worker is here": "Batches are numbered, and the last of each worker "
    "says how many there were",
    "no seat is sold twice": "Over all orders that own something",
    "booked on the seat map = sold in the ledger": "Seat by seat, and the counts beside it",
    "no area is oversold": "Orders against the capacity, and against the map",
    "no buyer is above the limit": "Units over all orders of a buyer",
    "every confirmed answer is in the ledger": "Each order that a visitor was told of, with its "
    "units and amount",
    "whoever paid has their units or `refund_required`": "Each payment against what its buyer was "
    "told, and the ledger",
    "the event stream has no gap and no repetition": "Every number from 1, once",
    "orders in the stream = orders in the ledger": "Both ways",
    "no seat is ever in two hands: the stream replays to the seat map": "The stream is replayed "
    "hold by hold, and its end compared with the map",
    "store time never runs back": "Event by event",
    "passes never above burst + rate x time, over any span": "One walk over all passes that covers "
    "every span",
    "numbers follow the order of arrival": "Joins that had been answered before another was sent",
    "numbers are called in order": "The ranges called join without hole or overlap, and nobody is "
    "let in before",
    "each ticket is admitted at most once": "By pass, by number, and by what visitors were given",
    "no visitor saw the contract broken": "Positions, repeated requests and every answer, while "
    "the visitors lived",
    "the sale's settings stayed as they were when the run began": "Read at the beginning and at "
    "the end",
}
"""how the promises of the audit are checked"""


def count(value: float) -> str:
    return f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 10:
        return f"{seconds:.1f}{_UNIT}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{_UNIT}s"
    if whole < 3_600:
        return f"{whole // 60}{_UNIT}min{_UNIT}{whole % 60:02d}{_UNIT}s"
    return f"{whole // 3_600}{_UNIT}h{_UNIT}{whole % 3_600 // 60:02d}{_UNIT}min"


def number(value: float | None) -> str:
    """A number, with one decimal below ten."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def percent(share: float | None) -> str:
    if share is None:
        return UNKNOWN
    return f"{share:.2%}" if 0 < share < 0.1 else f"{share:.1%}"


def figure(name: str, value: float | None) -> str:
    """The value of a threshold, in the unit that its name ends with."""
    if value is None:
        return "not measured"
    if name.endswith("_s") and not name.endswith("_per_s"):
        return duration(value)
    if name.endswith("_ms"):
        return f"{number(value)}{_UNIT}ms"
    if name.endswith(("_share", "_error")):
        return percent(value)
    return f"{value:,.3g}"


def threshold_label(name: str) -> str:
    """What a threshold is about, in words."""
    if not name.startswith("steps."):
        return THRESHOLDS[name]
    step, _, limit = name.removeprefix("steps.").rpartition(".")
    if limit == "failed_share":
        return f"Step {step}: requests that failed"
    share = limit.removeprefix("p").removesuffix("_ms")
    return f"Step {step}: latency, {share} of 100 requests"


def bound(name: str) -> str:
    """Which side of its limit a figure has to stay on."""
    return "at least" if name in AT_LEAST else "at most"
