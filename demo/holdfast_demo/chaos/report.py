"""The report of a chaos run: a table, what was lost, and checks beside the audit's."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from holdfast_demo.chaos.run import Outcome
from holdfast_loadtest.audit.findings import Check, concluded
from holdfast_loadtest.crowd.tally import Tally

HEADINGS: Final = (
    "fault",
    "at",
    "buys again",
    "line moves",
    "orders",
    "the crowd saw",
)
STORE_LOST: Final = ("store files", "wipe")
SEEN: Final = ("500", "503", "410", "no answer")
LOSSES: Final = {
    "hold lost": "unpaid holds that were gone with the store (`hold_lost`)",
    "joined again": "visitors who joined again, their call having lapsed",
    "session over": "sessions that were over before their buyer was done",
    "no answer": "requests without an answer, repeated",
    "told to come back": "requests told to come back, repeated",
}


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """A line of figures for each fault, and one that says how it took effect."""
    rows = [HEADINGS, *(_row(outcome) for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["Faults in the order of injection; orders are the crowd's until it buys again"]
    for row, what in zip(rows, ["", *map(_what, outcomes)], strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
        lines += [f"      {what}"] if what else []
    return lines


def _row(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.fault.name,
        f"{outcome.at:.0f} s",
        _seconds(outcome.recovery.seconds),
        _seconds(outcome.let_in),
        f"{outcome.orders:,}",
        "nothing: it had gone home" if outcome.alone else _seen(outcome.seen),
    )


def _what(outcome: Outcome) -> str:
    if outcome.effect is None:
        return f"FAILED: {outcome.trouble}"
    return f"{outcome.effect}; {outcome.recovery.told}"


def _seconds(moment: float | None) -> str:
    return "-" if moment is None else f"{moment:.1f} s"


def _seen(seen: Counter[str]) -> str:
    told = [f"{seen[status]:,} x {status}" for status in SEEN if seen[status]]
    return ", ".join(told) or "nothing"


def losses(tally: Tally) -> list[str]:
    """What the faults cost within what is promised: named, and no breach."""
    told = [
        f"  {tally.happenings[happening]:>6,}  {words}"
        for happening, words in LOSSES.items()
        if tally.happenings[happening]
    ]
    return ["What it cost (allowed, see docs/correctness.md)", *(told or ["  nothing"])]


def limits(outcomes: Sequence[Outcome]) -> list[str]:
    """What the audit cannot see any more."""
    lost = [o for o in outcomes if o.fault.name in STORE_LOST and o.effect is not None]
    if not lost:
        return []
    return [
        "Events are gone with a store: checks of the stream and the line see what came after "
        f"{lost[-1].fault.name!r},",
        f"at {lost[-1].at:.0f} s; those of seats, orders and payments see everything.",
    ]


def checks(outcomes: Sequence[Outcome], recovery_seconds: float, faults: int) -> list[Check]:
    """What is promised beside the books; `faults` are answers of 500 to the crowd."""
    count = f"{len(outcomes)} faults"
    internal = [f"{faults} answers of 500"] if faults else []
    return [
        concluded("every fault took effect", count, _missed(outcomes)),
        concluded(
            f"people buy again within {recovery_seconds:g} s of each fault",
            count,
            _late(outcomes, recovery_seconds),
        ),
        concluded("no request met a fault of the service", "answers of 500", internal),
    ]


def _missed(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if not outcomes:
        yield "no fault was injected"
    for outcome in outcomes:
        if outcome.effect is None:
            yield f"{outcome.fault.name}: {outcome.trouble}"


def _late(outcomes: Sequence[Outcome], limit: float) -> Iterator[str]:
    for outcome in outcomes:
        if outcome.effect is None:
            continue
        seconds, told = outcome.recovery.seconds, outcome.recovery.told
        if seconds is None:
            yield f"{outcome.fault.name}: not at all; {told}"
        elif seconds > limit:
            yield f"{outcome.fault.name}: after {seconds:.1f} s; {told}"
