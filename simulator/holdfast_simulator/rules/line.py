"""The line: joining, claiming, sessions, and what the operator changes (scripts/line).

Numbers begin at 1. A number's pass has the number as its id. All times are integer milliseconds of
the store; every method takes the time at which it is called, which never goes back. Answers are the
names of the service's codes.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from typing import Final

from holdfast_simulator.rules.constants import (
    OUTAGE_MAX_MS,
    OUTAGE_MS,
    OUTAGE_STEPS,
    POLL_LEAST_MS,
    POLL_MS,
    POLLS_PER_WINDOW,
    RETRY_MS,
    RETRY_SWEEP_MAX,
    TICK_MS,
    TOKEN,
)
from holdfast_simulator.rules.deadlines import ClockedDeadlines, Deadlines
from holdfast_simulator.rules.ranges import CallRange, CallRanges
from holdfast_simulator.rules.stock import SimulatedStock

ADMITTED: Final = "ADMITTED"
ADMITTED_BEFORE: Final = "ADMITTED_BEFORE"
ADMITTED_AT_JOIN: Final = "ADMITTED_AT_JOIN"
DEFERRED: Final = "DEFERRED"
NOT_CALLED: Final = "NOT_CALLED"
CALL_EXPIRED: Final = "CALL_EXPIRED"
LINE_STOPPED: Final = "LINE_STOPPED"
LINE_SOLD_OUT: Final = "LINE_SOLD_OUT"
SALE_CLOSED: Final = "SALE_CLOSED"
JOINED_LINE: Final = "JOINED_LINE"
JOINED_LOBBY: Final = "JOINED_LOBBY"
NOT_OPEN: Final = "NOT_OPEN"
DRAINING: Final = "DRAINING"
OK: Final = "OK"
UNCHANGED: Final = "UNCHANGED"
Room = tuple[float, float, float]
"""tokens, slots, and visitors for whom there is stock"""


@dataclass(frozen=True, slots=True)
class PaceTerms:
    """The operator's settings as the scripts take them, see `LineTerms` of holdfast_lua."""

    rate: int = 600
    """passes a minute"""
    burst: int = 20
    cap: int = 1000
    session_ms: int = 900_000
    claim_ms: int = 120_000
    first_hold_ms: int = 180_000
    stock_permille: int = 1000
    through: bool = False
    queue_all: bool = False


class SimulatedLine:
    """One sale's line. `opens_ms` 0 is open from the beginning, `prequeue_ms` 0 has no lobby."""

    __slots__ = (
        *("active", "admitted", "advanced_ms", "called", "claimed", "deferred", "frozen"),
        *("interval_before_ms", "interval_ms", "issued", "lapsed", "lifecycle", "lobby"),
        *("opens_ms", "prequeue_ms", "quiet_stock", "quiet_until_ms", "ranges", "resume_to"),
        *("retried", "retrying", "serving", "share", "shift_ms", "shown", "stays", "stock"),
        *("stopped_ms", "terms", "tokens", "tokens_ms", "unheld", "unused"),
    )

    def __init__(
        self,
        terms: PaceTerms,
        stock: SimulatedStock,
        now_ms: int,
        *,
        opens_ms: int = 0,
        prequeue_ms: int = 0,
    ) -> None:
        self.terms, self.stock = terms, stock
        self.opens_ms, self.prequeue_ms = opens_ms, prequeue_ms
        self.lifecycle, self.resume_to = "live", "live"
        self.frozen = False
        self.lobby = self.issued = self.serving = 0
        self.called = self.claimed = self.lapsed = self.admitted = self.unused = 0
        self.tokens, self.tokens_ms = self.most_tokens(), now_ms
        self.shift_ms = self.advanced_ms = self.interval_ms = self.interval_before_ms = 0
        self.stopped_ms = now_ms if terms.queue_all else 0
        self.share = 1.0
        self.shown = bytearray(1)
        self.ranges = CallRanges()
        self.active, self.unheld = Deadlines(), Deadlines()
        self.deferred, self.retried = ClockedDeadlines(), ClockedDeadlines()
        self.retrying: list[int] = []
        self.stays = SessionTimes()
        self.quiet_until_ms: float = 0
        self.quiet_stock = (0, 0)
        """free and held, see `quiet_steps`"""

    # time and room

    @property
    def waiting(self) -> int:
        """Numbers that have not been called."""
        return self.issued - self.serving

    @property
    def outstanding(self) -> int:
        """Who was called, and has neither been admitted nor lapsed."""
        return self.called - self.claimed - self.lapsed

    @property
    def poll_ms(self) -> float:
        """How often a visitor near the front asks."""
        return min(POLL_MS, self.terms.claim_ms / POLLS_PER_WINDOW)

    def is_open(self, now_ms: int) -> bool:
        """Whether admission has begun."""
        return self.frozen or now_ms >= self.opens_ms

    def clock_ms(self, now_ms: int) -> int:
        """The line's clock, which stands still while nobody can claim."""
        if self.stopped_ms:
            return self.stopped_ms - self.shift_ms
        return now_ms - self.shift_ms - self.outage_ms(now_ms)

    def outage_ms(self, now_ms: int) -> int:
        """Milliseconds in which nobody stepped the line although somebody is called."""
        idle_ms = now_ms - self.advanced_ms
        if idle_ms <= OUTAGE_MS or not self.advanced_ms or self.stopped_ms or not self.outstanding:
            return 0
        usual_ms = OUTAGE_STEPS * min(self.interval_ms, self.interval_before_ms)
        return idle_ms if idle_ms > min(OUTAGE_MAX_MS, usual_ms) else 0

    def room(self, now_ms: int) -> Room:
        """What there is for who comes next."""
        terms = self.terms
        if terms.through:
            return math.inf, math.inf, math.inf
        slots = terms.cap - self.active.count(now_ms)
        return self.level(now_ms) / TOKEN, slots, self.stock_for(now_ms)

    def stock_for(self, now_ms: int) -> int:
        """For how many visitors there is stock, less those who have yet to hold."""
        units = math.floor(self.stock.free * self.terms.stock_permille / 1000)
        return units - self.unheld.count(now_ms)

    def level(self, now_ms: int) -> int:
        """The level of the bucket of tokens."""
        earned, most = self.tokens, self.most_tokens()
        if now_ms > self.tokens_ms:
            earned += self.terms.rate * (now_ms - self.tokens_ms)
        return earned if earned < most else most

    def most_tokens(self) -> int:
        """What the bucket holds."""
        return max(self.terms.burst * TOKEN, self.terms.rate * 2 * TICK_MS)

    # joining

    def join(self, now_ms: int, count: int, passes: int) -> tuple[str, int, int]:
        """Gives so many numbers, the first of `passes` of them with admission where it is quiet.

        Answers a code, the first number (in the lobby: index), and how many were admitted.
        """
        self.quiet_until_ms, is_open = 0, self.is_open(now_ms)
        if refused := self._join_refused(now_ms, is_open):
            return refused, 0, 0
        if not is_open:
            first, self.issued = self.issued, self.issued + count
            return JOINED_LOBBY, first, 0
        admitted = self._straight_through(now_ms, min(count, passes))
        self.freeze()
        first, self.issued = self.issued + 1, self.issued + count
        if admitted:
            self.serving = first + admitted - 1
            self.called += admitted
            self._admit(now_ms, range(first, first + admitted))
        return JOINED_LINE, first, admitted

    def freeze(self) -> None:
        """The places given so far are the lobby's."""
        if not self.frozen:
            self.frozen, self.lobby = True, self.issued

    def _join_refused(self, now_ms: int, is_open: bool) -> str | None:
        if self.lifecycle == "closed":
            return SALE_CLOSED
        if "draining" in (self.lifecycle, self.resume_to if self.lifecycle == "paused" else ""):
            return DRAINING
        if not is_open:
            lobby = self.prequeue_ms and now_ms >= self.prequeue_ms
            return None if lobby else NOT_OPEN
        return LINE_SOLD_OUT if self.stock.sold_out else None

    def _straight_through(self, now_ms: int, most: int) -> int:
        """How many may go straight in: none as long as anybody waits."""
        if not most or self.waiting or self.stopped_ms:
            return 0
        pending = math.ceil(self.expected(now_ms)) if self.outstanding else 0
        tokens, slots, stock = self.room(now_ms)
        room = min(most, tokens - pending, slots - pending, stock - pending)
        return max(0, math.floor(room))

    def expected(self, now_ms: int) -> float:
        """How many of those called may still come, with those who were deferred."""
        clock_ms = self.clock_ms(now_ms)
        _, young = self.ranges.estimate(3 * self.poll_ms, clock_ms)
        return young + self.deferred.count_after(clock_ms)

    # claiming

    def claim(self, now_ms: int, number: int) -> tuple[str, int]:
        """Turns a call into an admission; with DEFERRED goes in how many ms to come again."""
        self.quiet_until_ms = 0
        if self.active.live(number, now_ms):
            found = self.ranges.find(number)
            if self._show(number, found):
                return ADMITTED_BEFORE, 0
            self.claimed += found is not None
            return ADMITTED_AT_JOIN, 0
        clock_ms, found = self.clock_ms(now_ms), self.ranges.find(number)
        refused, came_before = self._place(now_ms, clock_ms, number, found)
        if self.lifecycle == "closed":
            return SALE_CLOSED, 0
        if not refused and self.stock.sold_out:
            refused = LINE_SOLD_OUT
        elif not refused and self.stopped_ms:
            refused = LINE_STOPPED
        if refused:
            return refused, 0
        tokens, slots, stock = self.room(now_ms)
        self.sweep_retries(clock_ms)
        before = bisect_left(self.retrying, number) if self.retrying else 0
        self._show(number, found)
        if min(tokens, slots, stock) < 1 + before:
            self.deferred.set(number, clock_ms + self.terms.claim_ms)
            if self.retried.get(number) is None:
                insort(self.retrying, number)
            self.retried.set(number, clock_ms)
            return DEFERRED, math.ceil(self._ask_again_ms(tokens, before))
        if came_before:
            self.deferred.remove(number)
            self.forget_retry(number)
        self._admit(now_ms, (number,))
        return ADMITTED, 0

    def _place(
        self, now_ms: int, clock_ms: int, number: int, found: CallRange | None
    ) -> tuple[str | None, bool]:
        """Why a number is not called, None when it is; and whether it was deferred before."""
        if number > self.serving or not self.is_open(now_ms):
            return NOT_CALLED, False
        if number < len(self.shown) and self.shown[number]:
            until_ms = self.deferred.get(number)
            live = until_ms is not None and until_ms > clock_ms
            return (None if live else CALL_EXPIRED), True
        live = found is not None and found.deadline_ms > clock_ms
        return (None if live else CALL_EXPIRED), False

    def _show(self, number: int, found: CallRange | None) -> bool:
        """Notes that a number came; answers whether it had come before."""
        shown = self.shown
        if number >= len(shown):
            shown.extend(bytes(max(number + 1, 2 * len(shown)) - len(shown)))
        if shown[number]:
            return True
        shown[number] = 1
        if found is not None:
            found.came += 1
        return False

    def _ask_again_ms(self, tokens: float, before: int) -> float:
        if tokens >= 1 + before or self.terms.rate == 0:
            return self.poll_ms
        due_ms = (1 + before - tokens) * TOKEN / self.terms.rate
        return max(POLL_LEAST_MS, min(self.poll_ms, due_ms))

    def sweep_retries(self, clock_ms: int) -> None:
        """Forgets those who have stopped claiming."""
        until_ms = clock_ms - min(RETRY_MS, self.terms.claim_ms)
        for number in self.retried.take(until_ms, RETRY_SWEEP_MAX):
            del self.retrying[bisect_left(self.retrying, number)]

    def forget_retry(self, number: int) -> None:
        """Notes that this number is not trying any more."""
        if self.retried.get(number) is not None:
            self.retried.remove(number)
            del self.retrying[bisect_left(self.retrying, number)]

    def _admit(self, now_ms: int, numbers: range | tuple[int, ...]) -> None:
        count, terms = len(numbers), self.terms
        for number in numbers:
            self.active.set(number, now_ms + terms.session_ms)
            self.unheld.set(number, now_ms + terms.first_hold_ms)
        self.tokens = max(0, self.level(now_ms) - count * TOKEN)
        self.tokens_ms = now_ms
        self.claimed += count
        self.admitted += count

    # sessions

    def end(self, now_ms: int, number: int) -> str:
        """The visitor leaves: the slot is free."""
        self.quiet_until_ms, live = 0, self.active.live(number, now_ms)
        if not self.active.remove(number):
            return UNCHANGED
        self.unheld.remove(number)
        return OK if live else UNCHANGED

    # the operator

    def change_lifecycle(self, now_ms: int, operation: str) -> None:
        """Does one of `open`, `pause`, `resume`, `drain` and `close`."""
        wanted = {"open": "live", "pause": "paused", "drain": "draining", "close": "closed"}
        lifecycle = wanted.get(operation, self.lifecycle)
        if operation == "resume" and self.lifecycle == "paused":
            lifecycle = self.resume_to
        starts = operation == "open" and not self.is_open(now_ms)
        if self.lifecycle == "closed" or (lifecycle == self.lifecycle and not starts):
            return
        if lifecycle == "paused":
            self.resume_to = self.lifecycle
        self.lifecycle = lifecycle
        if starts:
            self.opens_ms = now_ms
            self.freeze()
        self._stop_or_start(now_ms)

    def change_terms(self, now_ms: int, **changes: int | bool) -> None:
        """New settings; what was earned so far was earned at the old rate."""
        self.tokens, self.tokens_ms = self.level(now_ms), now_ms
        self.terms = replace(self.terms, **changes)  # type: ignore[arg-type]  # by their names
        self._stop_or_start(now_ms)
        self.tokens = self.level(now_ms)

    def _stop_or_start(self, now_ms: int) -> None:
        self.quiet_until_ms = 0
        stop = self.lifecycle == "paused" or self.terms.queue_all
        if stop and not self.stopped_ms:
            self.stopped_ms = now_ms
        elif not stop and self.stopped_ms:
            self.shift_ms += now_ms - self.stopped_ms
            self.stopped_ms, self.advanced_ms = 0, now_ms


@dataclass(slots=True)
class SessionTimes:
    """How long visitors stay inside, as the line measures it: sessions ended, and their time."""

    ended: float = 0.0
    total_ms: int = 0
    inside: int = 0
    inside_admitted: int = 0
    inside_ms: int = 0
