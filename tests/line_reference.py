"""What the waiting room promises, written again as plainly as possible: no store, no scripts.

The model is asked before each thing that is done, at which store time, and says what must come of
it; after each step of the line it is compared with the real one, counter by counter. It keeps
everything that the real line is proud not to keep: every number with what became of it, every
session, every token. One thing is left to the line: which share of the called it believes in.
How many it calls is then held against the rule for that (tests/line_steps.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor

from holdfast_lua.codes import Code
from holdfast_lua.line_calls import LineCheckpoint, LineTerms

TOKEN = 60_000
TICKS_MS = 500
RANGE_MS = 1000
OUTAGE_MS = 5000
POLL_MS = 2000
ASKING_MS = 3000
ASK_MIN_MS = 500


class Broken(AssertionError):
    """A promise was not kept."""


def require(kept: bool, promise: str, *facts: object) -> None:
    if not kept:
        raise Broken(f"{promise}: {facts}")


@dataclass(slots=True)
class Range:
    """Numbers that were called within a second, by the line's clock."""

    first: int
    last: int
    count: int
    called_ms: int
    deadline_ms: int


@dataclass
class Model:
    """One sale's line."""

    terms: LineTerms
    free: int
    held: int = 0
    now_ms: int = 0
    lifecycle: str = "live"
    resume_to: str = "live"
    prequeue_ms: int = 0
    opens_ms: int = 0
    frozen: bool = False
    lobby: int = 0
    issued: int = 0
    gaps: set[int] = field(default_factory=set)
    """numbers that a loss has skipped, or of which it is not known whether anybody has them"""
    serving: int = 0
    ranges: list[Range] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    """numbers that came to claim since the store was last lost"""
    deferred: dict[int, int] = field(default_factory=dict)
    passes: dict[int, str] = field(default_factory=dict)
    """the pass of every number that was ever admitted"""
    given: list[tuple[int, str]] = field(default_factory=list)
    """who was admitted since the store was last lost, in order"""
    ended: list[str] = field(default_factory=list)
    called_told: list[tuple[int, int]] = field(default_factory=list)
    """numbers from, to, since the store was last lost"""
    lapsed_told: int = 0
    expires: dict[str, int] = field(default_factory=dict)
    """what the passes of every epoch say of their end"""
    returned: set[str] = field(default_factory=set)
    sessions: dict[str, int] = field(default_factory=dict)
    unheld: dict[str, int] = field(default_factory=dict)
    lost_active: int = 0
    lost_until_ms: int = 0
    tokens: int = 0
    tokens_ms: int = 0
    called: int = 0
    claimed: int = 0
    lapsed: int = 0
    admitted: int = 0
    shift_ms: int = 0
    stopped_ms: int = 0
    advanced_ms: int = 0

    # what can be read off

    @property
    def is_open(self) -> bool:
        return self.frozen or self.now_ms >= self.opens_ms

    @property
    def sold_out(self) -> bool:
        return self.free + self.held <= 0

    @property
    def outstanding(self) -> int:
        return self.called - self.claimed - self.lapsed

    @property
    def waiting(self) -> int:
        return self.real(self.serving + 1, self.issued)

    @property
    def poll_ms(self) -> float:
        return min(POLL_MS, self.terms.claim_ms / 3)

    @property
    def active(self) -> int:
        lost = self.lost_active if self.now_ms < self.lost_until_ms else 0
        return self._live(self.sessions) + lost

    @property
    def outage_ms(self) -> int:
        """For how long nobody has advanced the line though somebody is called."""
        idle_ms = self.now_ms - self.advanced_ms
        down = self.advanced_ms and idle_ms > OUTAGE_MS and not self.stopped_ms
        return idle_ms if down and self.outstanding > 0 else 0

    @property
    def clock_ms(self) -> int:
        """Time for those who were called; it stands still while nobody can claim."""
        if self.stopped_ms:
            return self.stopped_ms - self.shift_ms
        return self.now_ms - self.shift_ms - self.outage_ms

    def real(self, first: int, last: int) -> int:
        """How many numbers somebody is known to have, from one to another."""
        return max(0, last - first + 1) - sum(first <= gap <= last for gap in self.gaps)

    def level(self) -> int:
        """What is in the bucket, in 60,000ths of a token."""
        most = max(self.terms.burst * TOKEN, self.terms.rate_per_minute * TICKS_MS)
        since_ms = max(0, self.now_ms - self.tokens_ms)
        return min(most, self.tokens + self.terms.rate_per_minute * since_ms)

    def room(self) -> tuple[float, int, int]:
        """Tokens, slots, and stock that is not set aside for anybody."""
        stock = self.free * self.terms.stock_permille // 1000 - self._live(self.unheld)
        return self.level() / TOKEN, self.terms.cap - self.active, stock

    def _live(self, deadlines: dict[str, int]) -> int:
        return sum(deadline > self.now_ms for deadline in deadlines.values())

    # joining

    def join_refused(self) -> Code | None:
        """Why nobody may join; None when everybody may."""
        if self.lifecycle == "closed":
            return Code.SALE_CLOSED
        unpaused = self.resume_to if self.lifecycle == "paused" else self.lifecycle
        if unpaused == "draining":
            return Code.DRAINING
        if not self.is_open:
            return Code.NOT_OPEN if self.now_ms < self.prequeue_ms else None
        return Code.LINE_SOLD_OUT if self.sold_out else None

    def straight_in(self, count: int) -> tuple[int, int]:
        """How many of so many may go straight in: at least, at most."""
        if not self.is_open or self.issued > self.serving or self.stopped_ms:
            return 0, 0
        tokens, slots, stock = self.room()
        most = max(0, min(count, floor(tokens), slots, stock))
        # For those who were called and may yet come something is kept back.
        return (0 if self.outstanding > 0 else most), most

    def joined(self, number: int, pass_id: str | None = None) -> None:
        """A place was given; with a pass when it was straight in."""
        if self.is_open and not self.frozen:
            self.freeze()
        require(number == self.issued + 1, "numbers are given once and in turn", number)
        if pass_id is not None:
            _, most = self.straight_in(1)
            require(most == 1, "nobody goes straight in past anybody or without room", number)
        self.issued = number
        if pass_id is not None:
            self.serving = number
            self.called += 1
            self.called_told.append((number, number))
            self._admit(number, pass_id)

    def freeze(self) -> None:
        self.frozen, self.lobby = True, self.issued

    # claiming

    def place(self, number: int, pass_id: str) -> Code:
        """What a ticket is worth."""
        if self.sessions.get(pass_id, 0) > self.now_ms:
            return Code.ADMITTED_BEFORE
        if not self.is_open or number > self.serving:
            return Code.NOT_CALLED
        deadline_ms = self.deferred.get(number, 0)
        if number not in self.shown:
            deadline_ms = next(
                (r.deadline_ms for r in self.ranges if r.first <= number <= r.last), 0
            )
        return Code.CALLED if deadline_ms > self.clock_ms else Code.CALL_EXPIRED

    def claim(self, number: int, pass_id: str) -> tuple[Code, int | None]:
        """What a claim must be answered; None where no time goes with it."""
        place = self.place(number, pass_id)
        if place is Code.ADMITTED_BEFORE:
            return self._claim_again(number, pass_id)
        if self.lifecycle == "closed":
            return Code.SALE_CLOSED, None
        if place is not Code.CALLED:
            return place, None
        if self.sold_out or self.stopped_ms:
            return (Code.LINE_SOLD_OUT if self.sold_out else Code.LINE_STOPPED), None
        self.shown.add(number)
        before = self._asking_before(number)
        if min(self.room()) < 1 + before:
            self.deferred[number] = self.clock_ms + self.terms.claim_ms
            return Code.DEFERRED, self._ask_again_ms(before)
        self.deferred.pop(number, None)
        self._admit(number, pass_id)
        return Code.ADMITTED, self.sessions[pass_id]

    def _claim_again(self, number: int, pass_id: str) -> tuple[Code, int]:
        known = self.passes.get(number) == pass_id
        require(known, "a pass is its own ticket's", number)
        if number in self.shown:
            return Code.ADMITTED_BEFORE, self.sessions[pass_id]
        self.shown.add(number)
        # Called again after a loss, and back by its pass before it claimed.
        self.claimed += any(one.first <= number <= one.last for one in self.ranges)
        return Code.ADMITTED_AT_JOIN, self.sessions[pass_id]

    def _asking_before(self, number: int) -> int:
        """Lower numbers that found no room and have asked again within ASKING_MS."""
        since_ms = self.clock_ms + self.terms.claim_ms - ASKING_MS
        return sum(
            other < number and until_ms > since_ms for other, until_ms in self.deferred.items()
        )

    def _ask_again_ms(self, before: int) -> int:
        tokens, rate = self.room()[0], self.terms.rate_per_minute
        if tokens >= 1 + before or rate == 0:
            return ceil(self.poll_ms)
        missing_ms = (1 + before - tokens) * TOKEN / rate
        return ceil(max(ASK_MIN_MS, min(self.poll_ms, missing_ms)))

    def _admit(self, number: int, pass_id: str) -> None:
        known = self.passes.get(number, pass_id)
        twice = any(pass_id == other for _, other in self.given)
        require(known == pass_id and not twice, "no ticket is admitted twice", number)
        self.tokens, self.tokens_ms = self.level() - TOKEN, self.now_ms
        require(self.tokens >= 0, "no more passes than burst + rate x T")
        self.passes[number] = pass_id
        self.given.append((number, pass_id))
        self.sessions[pass_id] = self.now_ms + self.terms.session_ms
        self.expires[pass_id] = self.sessions[pass_id]
        self.unheld[pass_id] = self.now_ms + self.terms.first_hold_ms
        self.claimed += 1
        self.admitted += 1
        require(self.active <= self.terms.cap, "never more sessions than the cap", self.active)

    # sessions

    def renew(self, pass_id: str) -> Code:
        if self.sessions.get(pass_id, 0) <= self.now_ms:
            return Code.SESSION_OVER
        if self.lifecycle == "closed":
            return Code.SALE_CLOSED
        until_ms = max(self.sessions[pass_id], self.now_ms + self.terms.session_ms)
        self.sessions[pass_id] = self.expires[pass_id] = until_ms
        return Code.OK

    def end(self, pass_id: str) -> Code:
        """Left, or sent away."""
        deadline_ms = self.sessions.pop(pass_id, None)
        if deadline_ms is not None:
            self.unheld.pop(pass_id, None)
            self.ended.append(pass_id)
        return Code.OK if (deadline_ms or 0) > self.now_ms else Code.UNCHANGED

    def come_back(self, pass_id: str, expires_ms: int) -> Code:
        """With a pass from before the store was lost."""
        if expires_ms <= self.now_ms or pass_id in self.returned:
            return Code.SESSION_OVER
        self.returned.add(pass_id)
        self.sessions.setdefault(pass_id, expires_ms)
        self.lost_active = max(0, self.lost_active - 1)
        return Code.OK

    # the operator

    def change_lifecycle(self, operation: str) -> None:
        wanted = {"open": "live", "pause": "paused", "drain": "draining", "close": "closed"}
        lifecycle = wanted.get(operation, self.lifecycle)
        if operation == "resume" and self.lifecycle == "paused":
            lifecycle = self.resume_to
        starts = operation == "open" and not self.is_open
        if self.lifecycle == "closed" or (lifecycle == self.lifecycle and not starts):
            return
        if lifecycle == "paused":
            self.resume_to = self.lifecycle
        self.lifecycle = lifecycle
        if starts:
            self.opens_ms = self.now_ms
            self.freeze()
        self._stop_or_start()

    def change_terms(self, terms: LineTerms) -> None:
        """What was earned so far was earned at the old rate."""
        self.tokens, self.tokens_ms = self.level(), self.now_ms
        self.terms = terms
        self._stop_or_start()
        self.tokens = self.level()

    def _stop_or_start(self) -> None:
        stop = self.lifecycle == "paused" or self.terms.queue_all
        if stop and not self.stopped_ms:
            self.stopped_ms = self.now_ms
        elif not stop and self.stopped_ms:
            self.shift_ms += self.now_ms - self.stopped_ms
            self.stopped_ms, self.advanced_ms = 0, self.now_ms

    # a store that was lost

    def rebuilt(self, start: LineCheckpoint) -> None:
        """The line goes on from a checkpoint: numbers above all that were promised, no tokens."""
        self.gaps = {n for first, last in start.gaps for n in range(first, last + 1)}
        self.gaps |= set(range(start.issued + 1, start.ceiling + 1))
        self.issued = max(start.issued, start.ceiling)
        self.serving, self.frozen, self.lobby = start.serving, start.frozen, start.lobby
        self.tokens, self.tokens_ms = 0, self.now_ms
        self.ranges, self.shown, self.deferred, self.given, self.ended = [], set(), {}, [], []
        self.called_told, self.lapsed_told = [], 0
        self.sessions, self.unheld, self.returned = {}, {}, set()
        self.lost_active = start.active
        self.lost_until_ms = self.now_ms + self.terms.session_ms
        again = 0
        if start.called_from <= start.serving:
            again = self.real(start.called_from, start.serving)
            until_ms = self.now_ms + self.terms.claim_ms
            self.ranges = [Range(start.called_from, start.serving, again, self.now_ms, until_ms)]
        self.claimed, self.lapsed, self.admitted = start.claimed, start.lapsed, start.admitted
        self.called = start.claimed + start.lapsed + again
        self.shift_ms, self.advanced_ms, self.resume_to = 0, 0, "live"
        self.stopped_ms = self.now_ms if start.stopped or self.terms.queue_all else 0
