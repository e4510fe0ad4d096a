"""Checks the times of a draw: against each other, and against what a visitor saw.

All of them are the service's own statement. They prove something only where they can be compared:
with the start that the commitment covers, with a visitor's clock, with the moment at which a beacon
was published.
"""

from datetime import datetime, timedelta
from typing import Final

from holdfast_queue.draw.record import (
    DrawFails,
    Findings,
    KnownValues,
    Published,
    note,
    shown,
    step,
)

AT_THE_START: Final = timedelta(seconds=10)
"""by which a closing may come after the start: the service looks several times a second"""
CLOCKS_DIFFER: Final = timedelta(seconds=60)
"""between a visitor's clock and the service's, and between two looks at a page"""


def check_times(published: Published, known: KnownValues, findings: Findings) -> None:
    """Step 5: prints the times and checks them; raises DrawFails at a contradiction."""
    step(5, "The times, as the service tells them.")
    note("committed", shown(published.committed_at))
    for start in published.starts:
        note(f"announced {shown(start.announced_at)}", f"start at {shown(start.start)}")
    note("lobby closed", shown(published.closed_at))
    note("sealed", shown(published.sealed_at))
    _check_sequence(published)
    _check_start(published, known, findings)
    _check_closing(published, known, findings)
    findings.unchecked.append("committed_at, sealed_at, announced_at: nobody but the service knows")


def _check_sequence(published: Published) -> None:
    starts = published.starts
    if starts and published.committed_at != starts[0].announced_at:
        raise DrawFails("The first start was announced at another time than the commitment.")
    moments = [start.announced_at for start in starts]
    moments += [one for one in (published.closed_at, published.sealed_at) if one is not None]
    if moments != sorted(moments):
        raise DrawFails("The times are not in the order in which things happen.")


def _check_start(published: Published, known: KnownValues, findings: Findings) -> None:
    starts = published.starts
    if len(starts) > 1:
        findings.judge.append(f"the start was moved after the commitment, {len(starts) - 1} times")
    if known.start is not None:
        if known.start not in [start.start for start in starts]:
            raise DrawFails(f"You noted a start that is not among them: {shown(known.start)}.")
        findings.checked.append("the start, with your note")
    elif len(starts) > 1:
        findings.unchecked.append("starts after the first; --start of your own note tells")


def _check_closing(published: Published, known: KnownValues, findings: Findings) -> None:
    closed = published.closed_at
    if closed is None:
        findings.unchecked.append("closed_at: when the lobby was closed is not published")
        return
    _judge_closing(published, closed, findings)
    if known.beacon_at is not None:
        if known.beacon_at <= closed:
            raise DrawFails("The beacon was known before the lobby was closed.")
        findings.checked.append("that the beacon was published after the lobby was closed")
    elif published.beacon is not None:
        findings.unchecked.append(
            "beacon: that it was published after the lobby was closed; --beacon-at tells"
        )
    if known.closed is None:
        findings.unchecked.append("closed_at: --closed tells, if you saw the lobby close")
    elif abs(known.closed - closed) > CLOCKS_DIFFER:
        raise DrawFails(f"You saw the lobby close at another time: {shown(known.closed)}.")
    else:
        findings.checked.append("when the lobby was closed, with your own clock")


def _judge_closing(published: Published, closed: datetime, findings: Findings) -> None:
    start = published.starts[-1].start if published.starts else None
    if start is None:
        return
    if closed < start:
        findings.judge.append(
            f"the lobby was closed {start - closed} before the announced start: by hand, at a"
            " moment that whoever knew the secret could choose"
        )
    elif closed - start > AT_THE_START:
        findings.judge.append(
            f"the lobby was closed {closed - start} after the announced start: no ticket of the"
            " lobby may be of that time"
        )
