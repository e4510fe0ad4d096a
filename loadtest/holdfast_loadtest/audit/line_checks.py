"""Checks of who was let in, when, and in which order: pure functions of the event stream.

The promise about the rate is one about every span of time, so no windows are sampled. With pass
times t(1) <= ... <= t(n), burst b and rate r, it is j - i + 1 <= b + r x (t(j) - t(i)) for every
i <= j. Put f(k) = k - r x t(k): it says that f never climbs by more than b - 1 above its lowest
value so far, which one walk over the passes decides.

The burst promised is the larger of the configured one and two ticks of the rate, because admission
happens in ticks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from holdfast_loadtest.audit.facts import (
    FIRST_EPOCH,
    Issue,
    VisitorCall,
    at_ms,
    cursor_of,
    issues,
    line_facts,
    unbroken,
)
from holdfast_loadtest.audit.findings import Check, concluded
from holdfast_loadtest.audit.journal import Admitted, Joined
from holdfast_loadtest.wire import Event, Sale

TICK_SECONDS: Final = 0.25
TICKS_IN_BURST: Final = 2
ROUNDING: Final = 1e-6
UNLIMITED: Final = "passthrough"


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The bound on passes: `burst` at once, then `per_minute`."""

    per_minute: float
    burst: float

    @property
    def per_ms(self) -> float:
        return self.per_minute / 60_000


def bucket_of(sale: Sale) -> TokenBucket:
    """The bound that the sale's settings promise."""
    ticks = TICKS_IN_BURST * TICK_SECONDS * sale.new_users_per_minute / 60
    return TokenBucket(sale.new_users_per_minute, max(sale.burst, ticks))


def rate_is_kept(passes: Sequence[Issue], bucket: TokenBucket) -> Check:
    """Checks that the passes of any span T never exceed burst + rate x T."""
    times = sorted(issue.at_ms for issue in passes)
    return concluded(
        "passes never above burst + rate x time, over any span",
        f"{len(times):,} passes, {bucket.per_minute:,g} a minute, burst {bucket.burst:g}",
        _too_many(times, bucket),
    )


def _too_many(times: Sequence[int], bucket: TokenBucket) -> Iterator[str]:
    """Says for each pass that ends a span with too many which such span is the worst."""
    lowest = float("inf")
    since = 0
    for index, moment in enumerate(times):
        level = index - bucket.per_ms * (moment - times[0])
        if level < lowest:
            lowest, since = level, index
        if level - lowest + 1 > bucket.burst + ROUNDING:
            span_ms = moment - times[since]
            allowed = bucket.burst + bucket.per_ms * span_ms
            yield f"{index - since + 1} passes within {span_ms} ms, allowed {allowed:.2f}"


def numbers_follow_arrival(joined: Sequence[Joined]) -> Check:
    """Whoever joins when another has a number already gets a higher one, and nobody the same.

    Who joined before whom is compared by one clock only.
    """
    twice = (
        f"number {number} was given to {count}"
        for number, count in Counter(join.number for join in joined).items()
        if count > 1
    )
    by_clock: dict[str, list[Joined]] = {}
    for join in joined:
        by_clock.setdefault(join.clock, []).append(join)
    overtaken = (found for joins in by_clock.values() for found in _overtaken(joins))
    return concluded(
        "numbers follow the order of arrival",
        f"{len(joined):,} joins seen by visitors",
        [*twice, *overtaken],
    )


def _overtaken(joined: Sequence[Joined]) -> Iterator[str]:
    """Says for which joins a higher number had been given before they were sent."""
    answered = iter(sorted(joined, key=lambda join: join.answered))
    before = next(answered, None)
    highest = 0
    for join in sorted(joined, key=lambda join: join.sent):
        while before is not None and before.answered < join.sent:
            highest = max(highest, before.number)
            before = next(answered, None)
        if join.number < highest:
            yield f"number {join.number} was given after {highest}"


def called_in_order(
    events: Iterable[Event],
    gaps: Sequence[tuple[int, int]],
    admitted: Sequence[Admitted] = (),
) -> Check:
    """Numbers are called in their order, none skipped but published gaps, none let in uncalled.

    `admitted` is what visitors were given: the stream may keep silent about a pass.
    """
    frontier = _Frontier(gaps)
    findings: list[str] = []
    for event, fact in line_facts(events):
        findings += frontier.meet(cursor_of(event).epoch, fact)
    findings += frontier.jumps(admitted)
    return concluded(
        "numbers are called in order", f"{frontier.calls:,} calls, up to {frontier.at:,}", findings
    )


class _Frontier:
    """The highest number called so far, and what it may do next.

    After a store loss the line goes on from a checkpoint: some calls are made again, some made just
    before the loss still stand. So in each later epoch the frontier is unknown until a call tells.
    """

    def __init__(self, gaps: Sequence[tuple[int, int]]) -> None:
        self.at = 0
        self.calls = 0
        self._gaps = sorted(gaps)
        self._epoch = FIRST_EPOCH
        self._known = True

    def meet(self, epoch: int, fact: VisitorCall | Issue) -> Iterator[str]:
        if epoch != self._epoch:
            self._epoch, self._known = epoch, False
        if isinstance(fact, VisitorCall):
            yield from self._call(fact)
        elif self._known and fact.number is not None and fact.number > self.at:
            yield f"number {fact.number} got a pass when only {self.at} were called"

    def jumps(self, admitted: Sequence[Admitted]) -> Iterator[str]:
        """Who was given a pass although even by now their number has not been called."""
        for given in admitted if self._known else ():
            if given.number is not None and given.number > self.at:
                yield (
                    f"number {given.number} was given pass {given.pass_id}, and only {self.at} "
                    "were called"
                )

    def _call(self, call: VisitorCall) -> Iterator[str]:
        self.calls += 1
        if self._known and call.first <= self.at:
            yield f"{call.first}-{call.last} called when {self.at} had been"
        elif self._known and self._missing(call.first):
            yield f"{call.first}-{call.last} called after {self.at}: some were skipped"
        self.at = max(self.at, call.last) if self._known else call.last
        self._known = True

    def _missing(self, number: int) -> bool:
        """Whether somebody real stands between the frontier and `number`."""
        expected = self.at + 1
        for first, last in self._gaps:
            if first <= expected <= last:
                expected = last + 1
        return number > expected


def admitted_once(events: Sequence[Event], admitted: Sequence[Admitted]) -> Check:
    """Checks that tickets and numbers have one pass, and that visitors' passes are in events."""
    passes = issues(events)
    unknown = _unknown(passes, admitted) if unbroken(events) else ()
    return concluded(
        "each ticket is admitted at most once",
        f"{len(passes):,} passes, {len(admitted):,} seen by visitors",
        [*_issued_twice(passes), *_given_twice(admitted), *unknown],
    )


def _issued_twice(passes: Sequence[Issue]) -> Iterator[str]:
    for pass_id, count in Counter(issue.pass_id for issue in passes).items():
        if count > 1:
            yield f"pass {pass_id} was issued {count} times"
    numbers = Counter(issue.number for issue in passes if issue.number is not None)
    for number, count in numbers.items():
        if count > 1:
            yield f"number {number} got {count} passes"


def _given_twice(admitted: Sequence[Admitted]) -> Iterator[str]:
    pass_of: dict[str, str] = {}
    ticket_of: dict[str, str] = {}
    for given in admitted:
        before = pass_of.setdefault(given.ticket, given.pass_id)
        if before != given.pass_id:
            yield f"ticket {given.ticket} got passes {before} and {given.pass_id}"
        owner = ticket_of.setdefault(given.pass_id, given.ticket)
        if owner != given.ticket:
            yield f"pass {given.pass_id} went to tickets {owner} and {given.ticket}"


def _unknown(passes: Sequence[Issue], admitted: Sequence[Admitted]) -> Iterator[str]:
    issued = {issue.pass_id for issue in passes}
    for given in admitted:
        if given.pass_id not in issued:
            yield f"pass {given.pass_id} was given to a visitor and is not in the stream"


def time_runs_forward(events: Sequence[Event]) -> Check:
    """Checks that store time never falls from one event to the next."""
    times = [(cursor_of(event), at_ms(event)) for event in events]
    times.sort()
    backwards = (
        f"event {cursor} is {before - now} ms older than the one before"
        for (_, before), (cursor, now) in pairwise(times)
        if now < before
    )
    return concluded("store time never runs back", f"{len(times):,} events", backwards)
