"""What the waiting room promises, written again as plainly as possible: no store, no scripts.

The model is asked before each thing that is done, at which store time, and says what must come of
it; after each step of the line it is compared with the real one, counter by counter. It keeps plain
books (records.py). One thing is left to the line: which share of the called it believes in.
How many it calls is then held against the rule for that (steps.py).
"""

from math import ceil, floor

from support.line.records import TOKEN, Books, Range, require

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCheckpoint, LineTerms
from holdfast_lua.calls.line_status import OpenCalls

ASKING_MS = 3000
ASK_MIN_MS = 500


class Model(Books):
    """One sale's line, and what must come of what is asked of it."""

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
        if self.clock_ms < self.calls_from_ms:
            return 0, 0
        tokens, slots, stock = self.room()
        most = max(0, min(count, floor(tokens), slots, stock))
        # For those who were called and may yet come something is kept back.
        return (0 if self.may_come(self.clock_ms) else most), most

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
        if self._can_return(number, pass_id):
            return Code.CALLED
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
        if self.lifecycle == "closed" or place is not Code.CALLED:
            return (Code.SALE_CLOSED if self.lifecycle == "closed" else place), None
        if self._can_return(number, pass_id):
            return Code.ADMITTED_BEFORE, self._return_by_ticket(number, pass_id)
        if self.sold_out or self.stopped_ms:
            return (Code.LINE_SOLD_OUT if self.sold_out else Code.LINE_STOPPED), None
        self.shown.add(number)
        before = self._asking_before(number)
        if min(self.room()) < 1 + before:
            self.deferred[number] = self.clock_ms + self.terms.claim_ms
            self.asked[number] = self.clock_ms
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

    def _can_return(self, number: int, pass_id: str) -> bool:
        """Whether somebody who was admitted before the loss has yet to take up their session."""
        served = number in self.shown and number not in self.deferred
        lost = number <= self.lost_serving and self.lost_active > 0
        lost = lost and self.now_ms < self.lost_until_ms
        return served and lost and self.returned.isdisjoint({number, pass_id})

    def _return_by_ticket(self, number: int, pass_id: str) -> int:
        until_ms = min(self.now_ms + self.terms.session_ms, self.lost_until_ms)
        self.passes.setdefault(number, pass_id)
        self.sessions[pass_id] = self.expires[pass_id] = until_ms
        self.started.setdefault(pass_id, self.now_ms)
        self.returned |= {number, pass_id}
        self.lost_active -= 1
        return until_ms

    def _asking_before(self, number: int) -> int:
        """Lower numbers that found no room and have asked again within ASKING_MS."""
        since_ms = self.clock_ms - min(ASKING_MS, self.terms.claim_ms)
        return sum(other < number and self.asked[other] > since_ms for other in self.deferred)

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
        if number <= self.lost_serving and number in self.shown:
            self.returned |= {number, pass_id}
        self.given.append((number, pass_id))
        self.sessions[pass_id] = self.now_ms + self.terms.session_ms
        self.expires[pass_id] = self.sessions[pass_id]
        self.unheld[pass_id] = self.now_ms + self.terms.first_hold_ms
        self.started[pass_id] = self.now_ms
        self.claimed += 1
        self.admitted += 1
        require(self.active <= self.terms.cap, "never more sessions than the cap", self.active)

    # sessions

    def renew(self, pass_id: str) -> Code:
        if self.sessions.get(pass_id, 0) <= self.now_ms:
            return Code.SESSION_OVER
        if self.lifecycle == "closed":
            return Code.SALE_CLOSED
        self.started.setdefault(pass_id, self.now_ms)
        until_ms = min(self.now_ms + self.terms.session_ms, self.limit_ms(pass_id))
        until_ms = max(self.sessions[pass_id], until_ms)
        self.sessions[pass_id] = self.expires[pass_id] = until_ms
        return Code.OK

    def limit_ms(self, pass_id: str) -> int:
        """Until when a session can be renewed."""
        return self.started[pass_id] + max(self.terms.session_max_ms, self.terms.session_ms)

    def end(self, pass_id: str) -> Code:
        """Left, or sent away."""
        deadline_ms = self.sessions.pop(pass_id, None)
        if deadline_ms is not None:
            self.unheld.pop(pass_id, None)
            self.started.pop(pass_id, None)
            self.ended.append(pass_id)
        return Code.OK if (deadline_ms or 0) > self.now_ms else Code.UNCHANGED

    def come_back(self, pass_id: str, expires_ms: int) -> Code:
        """With a pass from before the store was lost."""
        if expires_ms <= self.now_ms:
            return Code.SESSION_OVER
        if pass_id in self.returned:
            lives = self.sessions.get(pass_id, 0) > self.now_ms
            return Code.OK if lives else Code.SESSION_OVER
        self.returned.add(pass_id)
        self.sessions.setdefault(pass_id, expires_ms)
        self.started.setdefault(pass_id, self.now_ms)
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
        self.given, self.ended = [], []
        self.called_told, self.lapsed_told = [], 0
        self.sessions, self.unheld, self.returned = {}, {}, set()
        self.started, self.unused = {}, 0
        self.lost_active, self.lost_serving = start.active, start.serving
        self.lost_until_ms = self.now_ms + self.terms.session_ms
        self.called, self.claimed, self.lapsed = start.called, start.claimed, start.lapsed
        self.admitted = start.admitted
        self.shift_ms = self.now_ms - start.clock_ms if start.clock_ms else 0
        self.advanced_ms, self.intervals_ms, self.resume_to = 0, (0, 0), "live"
        self.stopped_ms = self.now_ms if start.stopped or self.terms.queue_all else 0
        self._restore_calls(start)
        gaps_are_called = bool(self.gaps and self.ranges)
        self.gap_until_ms = self.clock_ms + self.terms.claim_ms if gaps_are_called else 0
        may_come = self.outstanding > 0 or gaps_are_called
        self.calls_from_ms = self.clock_ms + self.notice_ms if may_come else 0

    def _restore_calls(self, start: LineCheckpoint) -> None:
        """Who was called has a whole window again; who was served stays served."""
        until_ms = self.clock_ms + self.terms.claim_ms
        self.ranges, self.shown = [], bits_of(start)
        self.deferred, self.asked = {}, {}
        for text in filter(None, start.ranges.decode().split(",")):
            first, last, count, called_ms, _ = map(int, text.split())
            self.ranges.append(Range(first, last, count, called_ms, until_ms))
        for number in map(int, start.deferred.split()):
            self.deferred[number], self.asked[number] = until_ms, self.clock_ms
            self.shown.add(number)


def bits_of(start: LineCheckpoint | OpenCalls) -> set[int]:
    """The numbers whose bits are set."""
    numbers = range(8 * start.shown_from, 8 * (start.shown_from + len(start.shown)))
    at = 8 * start.shown_from
    return {n for n in numbers if start.shown[(n - at) >> 3] & (0x80 >> (n & 7))}
