"""Steps of the line in which nothing can be due: they need not be worked out.

That is so for most steps of a simulation. After a step that changed nothing the next ones change
nothing either, until something is due or somebody does something: joining, claiming, leaving and
new terms end what is quiet, and so does every change of the stock. Any moment that is no later than
the first at which something is due will do; what is worked out without need changes nothing.
"""

from __future__ import annotations

import math

from holdfast_simulator.rules.constants import OUTAGE_MS, RETRY_MS, TOKEN
from holdfast_simulator.rules.line import Room, SimulatedLine


def is_quiet(line: SimulatedLine, now_ms: int) -> bool:
    """Whether a step that is made now can only note that it was made."""
    stock = line.stock
    if now_ms >= line.quiet_until_ms or (stock.free, stock.held) != line.quiet_stock:
        return False
    # More is called ahead only where steps are further apart than polls.
    return now_ms - line.advanced_ms <= line.poll_ms or not line.outstanding


def begin_quiet(line: SimulatedLine, now_ms: int, calls_ms: float) -> None:
    """A step has changed nothing; before `calls_ms` nobody is called and no slot is given up."""
    if line.stopped_ms:
        return
    terms, clock_ms, shift_ms = line.terms, line.clock_ms(now_ms), line.shift_ms
    retries_ms = line.retried.none_before() + min(RETRY_MS, terms.claim_ms)
    line.quiet_stock = line.stock.free, line.stock.held
    line.quiet_until_ms = min(
        now_ms + OUTAGE_MS,
        calls_ms,
        line.active.none_before(),
        shift_ms + line.ranges.none_before(3 * line.poll_ms, clock_ms),
        shift_ms + line.deferred.none_before(),
        shift_ms + retries_ms,
        math.inf if line.frozen else line.opens_ms,
    )


def no_calls_before(
    line: SimulatedLine, now_ms: int, room: Room, *, ahead: float, share: float, expected: float
) -> float:
    """The moment before which nobody is called, and nobody inside gives way, as things stand.

    `ahead` are the tokens that can be spent, `room` is that for who comes next; `expected` have
    been called and may come.
    """
    tokens, slots, stock = room
    most_ahead = ahead - tokens + line.most_tokens() / TOKEN
    allowed = min(line.waiting + len(line.deferred), most_ahead)
    if allowed - max(0, slots) >= 1 and line.unheld.passed(now_ms, 1):
        return now_ms
    until_ms = line.unheld.none_before()
    if not line.waiting or not line.terms.rate or (min(slots, stock) - expected) / share < 1:
        return until_ms
    earned_ms = (expected + share - ahead) * TOKEN / line.terms.rate
    return min(until_ms, now_ms + earned_ms - 1)
