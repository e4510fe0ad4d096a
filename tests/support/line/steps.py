"""A step of the line, in the model: what ends, who is called, and how things stand after it."""

from dataclasses import astuple
from math import floor

from support.line.records import TOKEN, Range, require
from support.line.reference import Model, bits_of

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import Advanced
from holdfast_lua.calls.line_status import LineStatus, OpenCalls

MIN_STEP_MS = 100
RANGE_MS = 1000
SWEEP_MAX = 50
SHARE_MIN, SHARE_ERROR = 0.02, 0.00105
"""the share is reported to a thousandth and a rounding"""
RANGES_LOOKED_AT = 64
PLACES = ("lifecycle", "free", "held", "frozen", "lobby", "issued", "serving")
COUNTERS = ("called", "claimed", "lapsed", "admitted", "active", "unused")
OUTSTANDING_FLOOR, OUTSTANDING_FACTOR = 100, 20


def step(model: Model, real: Advanced) -> None:
    """The line has been asked to move on, and this is its answer."""
    since_ms = model.now_ms - model.advanced_ms
    changed = since_ms >= MIN_STEP_MS and _moves_on(model, real.status)
    require((real.code is Code.OK) == changed, "a step says whether it changed anything")
    compare(model, real.status)


def _moves_on(model: Model, status: LineStatus) -> bool:
    changed = _forgives_outage(model)
    if model.is_open and not model.frozen:
        model.freeze()
        changed = True
    changed = _ends_sessions(model) or changed
    clock_ms = model.clock_ms  # one moment: what is done at it must not look like an outage
    changed = _ends_calls(model, clock_ms) or changed
    changed = _gives_up_slots(model) or changed
    changed = _calls(model, status, clock_ms) or changed
    if changed or model.may_come(clock_ms):
        model.advanced_ms = model.now_ms
    return changed


def _forgives_outage(model: Model) -> bool:
    outage_ms = model.outage_ms
    may_come = model.may_come(model.advanced_ms - model.shift_ms)
    if may_come and model.advanced_ms and not model.stopped_ms:
        idle_ms = max(0, model.now_ms - model.advanced_ms)
        model.intervals_ms = idle_ms, model.intervals_ms[0]
    if outage_ms:
        model.shift_ms += outage_ms
        model.advanced_ms = model.now_ms
    return outage_ms > 0


def _ends_sessions(model: Model) -> bool:
    late = sorted((at, one) for one, at in model.sessions.items() if at <= model.now_ms)
    for _, pass_id in late[:SWEEP_MAX]:
        model.end(pass_id)
    return bool(late)


def _moves(model: Model) -> bool:
    """Whether anybody can be let in at all."""
    stands = model.lifecycle == "closed" or model.stopped_ms or model.sold_out
    return model.is_open and not stands


def _gives_up_slots(model: Model) -> bool:
    """Who has held nothing in time gives way to those for whom only a slot is missing."""
    if not _moves(model):
        return False
    tokens, slots, _ = model.room()
    others = model.waiting + len(model.deferred)
    wanted = min(others, floor(_tokens_ahead(model, tokens))) - max(0, slots)
    idle = sorted((at, one) for one, at in model.unheld.items() if at <= model.now_ms)
    given = [pass_id for _, pass_id in idle][: max(0, min(wanted, SWEEP_MAX))]
    for pass_id in given:
        model.end(pass_id)
    model.unused += len(given)
    return bool(given)


def _tokens_ahead(model: Model, tokens: float) -> float:
    ahead_ms = max(1.5 * model.poll_ms, min(model.intervals_ms) + model.poll_ms / 2)
    return tokens + model.terms.rate_per_minute * ahead_ms / TOKEN


def _ends_calls(model: Model, clock_ms: int) -> bool:
    over = [one for one in model.ranges if one.deadline_ms <= clock_ms]
    for one in over:
        model.ranges.remove(one)
        absent = one.count - came(model, one)
        _lapse(model, max(0, absent))
        # Numbers of a gap came after all.
        model.called += max(0, -absent)
    late = [number for number, until_ms in model.deferred.items() if until_ms <= clock_ms]
    for number in late:
        del model.deferred[number]
    _lapse(model, len(late))
    return bool(over or late)


def _lapse(model: Model, count: int) -> None:
    model.lapsed += count
    model.lapsed_told += count


def came(model: Model, one: Range) -> int:
    """How many of a range have come to claim."""
    return sum(one.first <= number <= one.last for number in model.shown)


def _calls(model: Model, status: LineStatus, clock_ms: int) -> bool:
    """The line may call as many as it is allowed to, in order, and has to call as many."""
    grew = status.serving - model.serving
    require(grew >= 0, "serving never falls", model.serving, status.serving)
    may = _moves(model) and model.issued > model.serving and clock_ms >= model.calls_from_ms
    require(may or not grew, "nobody is called who may not be", grew)
    if not may:
        return False
    count = model.real(model.serving + 1, status.serving)
    least, most = _demand(model, status.show_share, clock_ms)
    allowed = {_frontier(model, status, wanted) for wanted in range(least, most + 1)}
    require(status.serving in allowed, "as many are called as can be admitted", status, allowed)
    if grew:
        _call(model, status.serving, count, clock_ms)
        if status.serving in model.gaps:
            model.calls_from_ms = clock_ms + model.notice_ms
            model.gap_until_ms = model.ranges[-1].deadline_ms
    return grew > 0


def _demand(model: Model, share: float, clock_ms: int) -> tuple[int, int]:
    """How many should be called, give or take what is not known of the share."""
    require(SHARE_MIN <= share <= 1, "a share is a share", share)
    shares = [max(SHARE_MIN, min(1.0, share + error)) for error in (-SHARE_ERROR, 0, SHARE_ERROR)]
    slacks = (-1e-9, 1e-9)
    counts = [max(0, _wanted(model, one, clock_ms, slack)) for one in shares for slack in slacks]
    return min(counts), max(counts)


def _wanted(model: Model, share: float, clock_ms: int, slack: float) -> int:
    tokens, slots, stock = model.room()
    terms = model.terms
    supply = min(_tokens_ahead(model, tokens), slots, stock)
    mature_ms = clock_ms - 3 * model.poll_ms
    young = [one for one in model.ranges[-RANGES_LOOKED_AT:] if one.called_ms > mature_ms]
    shown = sum(came(model, one) for one in young)
    expected = max(0.0, sum(one.count for one in young) * share - shown) + len(model.deferred)
    most = OUTSTANDING_FACTOR * (terms.rate_per_minute * terms.claim_ms / TOKEN + terms.burst)
    room = max(OUTSTANDING_FLOOR, most) - model.outstanding
    return floor(min((supply - expected) / share, model.waiting, room) + slack)


def _frontier(model: Model, status: LineStatus, wanted: int) -> int:
    """Where calls of so many end: at the last of them, or with the gap that they come to."""
    if wanted == 0 and model.waiting > 0:
        return model.serving
    for first, last in status.gaps:
        if last > model.serving:
            return last if first - 1 - model.serving <= wanted else model.serving + wanted
    return model.serving + wanted


def _call(model: Model, serving: int, count: int, clock_ms: int) -> None:
    one = Range(model.serving + 1, serving, count, clock_ms, clock_ms + model.terms.claim_ms)
    newest = model.ranges[-1] if model.ranges else None
    if newest is not None:
        one.deadline_ms = max(one.deadline_ms, newest.deadline_ms)
        if clock_ms - newest.called_ms < RANGE_MS and newest.last + 1 == one.first:
            model.ranges.pop()
            one.first, one.called_ms = newest.first, newest.called_ms
            one.count += newest.count
    model.ranges.append(one)
    model.called_told.append((model.serving + 1, serving))
    model.serving = serving
    model.called += count


def compare(model: Model, status: LineStatus) -> None:
    """Counter by counter."""
    for name in PLACES + COUNTERS:
        real, wanted = getattr(status, name), getattr(model, name)
        require(real == wanted, f"{name} is right", real, wanted)
    require(status.deferred == len(model.deferred), "who is deferred is known", status.deferred)
    gaps = {n for first, last in status.gaps for n in range(first, last + 1)}
    require(gaps == model.gaps, "gaps are what a loss has skipped", status.gaps)
    absent = sum(one.count - came(model, one) for one in model.ranges)
    counted = model.outstanding == absent + len(model.deferred)
    require(counted, "everybody called is in one count", model.outstanding, absent)
    first = model.ranges[0].first if model.ranges else model.serving + 1
    require(status.called_from == first, "a checkpoint calls the outstanding again", first)


def told_right(model: Model, calls: OpenCalls) -> None:
    """What a checkpoint keeps of the called is what became of them."""
    for name in ("issued", "serving", *COUNTERS[:4], "clock_ms"):
        real, wanted = getattr(calls, name), getattr(model, name)
        require(real == wanted, f"{name} is kept", real, wanted)
    ranges = [tuple(map(int, text.split())) for text in calls.ranges.decode().split(",") if text]
    require(ranges == [astuple(one) for one in model.ranges], "ranges are kept", ranges)
    within = {n for one in model.ranges for n in range(one.first, one.last + 1)}
    shown = bits_of(calls) & within
    require(shown == model.shown & within, "who came is kept", shown)
    deferred = set(map(int, calls.deferred.split()))
    require(deferred == model.deferred.keys(), "who is deferred is kept", deferred)
