"""A step of the line: what is over ends, and who can be admitted is called (advance_line.lua)."""

from __future__ import annotations

import math

from holdfast_simulator.rules.constants import (
    MIN_STEP_MS,
    OUTSTANDING_FACTOR,
    OUTSTANDING_FLOOR,
    STAYS_EVERY_MS,
    STAYS_MEMORY_MIN,
    SWEEP_MAX,
    TOKEN,
)
from holdfast_simulator.rules.line import Room, SimulatedLine
from holdfast_simulator.rules.quiet_steps import begin_quiet, is_quiet, no_calls_before


def advance(line: SimulatedLine, now_ms: int) -> bool:
    """Moves the line on; answers whether anything changed. Sooner than MIN_STEP_MS it only reads.

    As many are called as are expected to use what there is:

        supply   = min(tokens now + rate x ahead, cap - active, free stock - set aside)
        n        = min((supply - expected) / share, waiting, the bound on outstanding calls)
    """
    if 0 <= now_ms - line.advanced_ms < MIN_STEP_MS:
        return False
    if is_quiet(line, now_ms):
        _note_step(line, now_ms)
        return False
    changed = _forgive_outage(line, now_ms)
    if not line.frozen and line.is_open(now_ms):
        line.freeze()
        changed = True
    changed |= _end_sessions(line, line.active.passed(now_ms, SWEEP_MAX))
    clock_ms = line.clock_ms(now_ms)
    changed |= _end_calls(line, clock_ms)
    # As it is before slots are given up and before anybody is called.
    share, young = line.ranges.estimate(3 * line.poll_ms, clock_ms)
    expected = young + line.deferred.count_after(clock_ms)
    others, calls_ms = line.waiting + len(line.deferred), math.inf
    if others and _moves(line, now_ms):
        room = line.room(now_ms)
        if _give_up_slots(line, now_ms, others, room):
            changed, room = True, line.room(now_ms)
        if line.waiting:
            changed |= _call(line, max(0, _how_many(line, room, share, expected)), clock_ms)
        if not changed:
            ahead = _tokens_ahead(line, room[0])
            calls_ms = no_calls_before(
                line, now_ms, room, ahead=ahead, share=share, expected=expected
            )
    _measure_stays(line, now_ms)
    if changed or line.outstanding > 0:
        line.advanced_ms = now_ms
    if abs(share - line.share) >= 0.001:
        line.share = float(f"{share:.4f}")
    if not changed:
        begin_quiet(line, now_ms, calls_ms)
    return changed


def _note_step(line: SimulatedLine, now_ms: int) -> None:
    """Notes a step in which nothing was due."""
    _note_interval(line, now_ms)
    _measure_stays(line, now_ms)
    if line.outstanding > 0:
        line.advanced_ms = now_ms


def _note_interval(line: SimulatedLine, now_ms: int) -> None:
    if line.outstanding > 0 and line.advanced_ms > 0 and not line.stopped_ms:
        line.interval_before_ms = line.interval_ms
        line.interval_ms = max(0, now_ms - line.advanced_ms)


def _forgive_outage(line: SimulatedLine, now_ms: int) -> bool:
    outage_ms = line.outage_ms(now_ms)
    _note_interval(line, now_ms)
    if outage_ms > 0:
        line.shift_ms += outage_ms
        line.advanced_ms = now_ms
    return outage_ms > 0


def _end_sessions(line: SimulatedLine, numbers: list[int]) -> bool:
    for number in numbers:
        line.active.remove(number)
        line.unheld.remove(number)
    return bool(numbers)


def _end_calls(line: SimulatedLine, clock_ms: int) -> bool:
    ended = line.ranges.end(clock_ms)
    for one in ended:
        line.lapsed += one.count - one.came
    line.sweep_retries(clock_ms)
    over = line.deferred.take(clock_ms, SWEEP_MAX)
    line.lapsed += len(over)
    return bool(ended or over)


def _moves(line: SimulatedLine, now_ms: int) -> bool:
    stands = line.lifecycle == "closed" or line.stopped_ms or line.stock.sold_out
    return line.is_open(now_ms) and not stands


def _tokens_ahead(line: SimulatedLine, tokens: float) -> float:
    """How many passes the rate allows until those who are called now will have come."""
    interval_ms, poll_ms = min(line.interval_ms, line.interval_before_ms), line.poll_ms
    ahead_ms = max(1.5 * poll_ms, interval_ms + poll_ms / 2)
    return tokens + line.terms.rate * ahead_ms / TOKEN


def _give_up_slots(line: SimulatedLine, now_ms: int, others: int, room: Room) -> bool:
    """Who has held nothing in time gives way to those for whom only a slot is missing."""
    tokens, slots, _ = room
    ahead = _tokens_ahead(line, tokens)
    allowed = others if math.isinf(ahead) else min(others, math.floor(ahead))
    wanted = allowed - max(0.0, slots)
    if wanted < 1:
        return False
    idle = line.unheld.passed(now_ms, int(min(wanted, SWEEP_MAX)))
    line.unused += len(idle)
    return _end_sessions(line, idle)


def _how_many(line: SimulatedLine, room: Room, share: float, expected: float) -> int:
    if line.terms.through:
        return line.waiting
    tokens, slots, stock = room
    supply = min(_tokens_ahead(line, tokens), slots, stock)
    terms = line.terms
    most = OUTSTANDING_FACTOR * (terms.rate * terms.claim_ms / TOKEN + terms.burst)
    bound = max(OUTSTANDING_FLOOR, most) - line.outstanding
    return math.floor(min((supply - expected) / share, line.waiting, bound))


def _call(line: SimulatedLine, count: int, clock_ms: int) -> bool:
    if count == 0:
        return False
    first, last = line.serving + 1, line.serving + count
    line.ranges.add(first, last, line.terms.claim_ms, clock_ms)
    line.serving = last
    line.called += count
    return True


def _measure_stays(line: SimulatedLine, now_ms: int) -> None:
    stays = line.stays
    since_ms = now_ms - stays.inside_ms
    if 0 <= since_ms < STAYS_EVERY_MS:
        return
    active = line.active.count(now_ms)
    if active == 0 and stays.inside == 0 and line.admitted == stays.inside_admitted:
        return
    if stays.inside_ms > 0 and since_ms > 0:
        ended = max(0, line.admitted - stays.inside_admitted - active + stays.inside)
        known, total = stays.ended + ended, stays.total_ms + (stays.inside + active) / 2 * since_ms
        scale = min(1.0, max(STAYS_MEMORY_MIN, 2 * line.terms.cap) / max(1.0, known))
        stays.ended, stays.total_ms = float(f"{known * scale:.3f}"), int(f"{total * scale:.0f}")
    stays.inside, stays.inside_admitted, stays.inside_ms = active, line.admitted, now_ms
