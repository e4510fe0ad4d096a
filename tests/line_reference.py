"""What the waiting room promises, written again as plainly as possible: no store, no scripts.

The model is told what was done, at which store time, and what came of it; it says whether that may
be so. It keeps everything that the real line is proud not to keep: every number with what became
of it, every session, every token.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast_lua.line_status import LineStatus

BUCKET_MS = 1000
OUTAGE_MS = 5000
ASKING_MS = 3000
TICKS_MS = 500
OUTSTANDING_FLOOR = 100
OUTSTANDING_FACTOR = 20


class Broken(AssertionError):
    """A promise was not kept."""


def require(kept: bool, promise: str, *facts: object) -> None:
    if not kept:
        raise Broken(f"{promise}: {facts}")


@dataclass
class Bucket:
    """Lets through exactly what every span T may see: most + rate x T."""

    rate: int
    burst: int
    at_ms: int
    level: float = 0.0

    @property
    def most(self) -> float:
        return max(self.burst, self.rate * TICKS_MS / 60_000)

    def now(self, now_ms: int) -> float:
        return min(self.most, self.level + max(0, now_ms - self.at_ms) * self.rate / 60_000)

    def change(self, rate: int, burst: int, now_ms: int) -> None:
        level = self.now(now_ms)
        self.rate, self.burst, self.at_ms = rate, burst, now_ms
        self.level = min(self.most, level)

    def spend(self, now_ms: int) -> None:
        self.level, self.at_ms = self.now(now_ms) - 1, now_ms
        require(self.level > -1e-6, "no more passes than burst + rate x T", now_ms)


@dataclass
class Called:
    """One call, by the line's clock: surely open until `sure_ms`, surely over at `over_ms`."""

    sure_ms: float
    over_ms: float


@dataclass
class Model:
    """One sale."""

    bucket: Bucket
    cap: int
    session_ms: int
    claim_ms: int
    first_hold_ms: int
    free: int
    held: int = 0
    issued: set[int] = field(default_factory=set)
    serving: int = 0
    called: dict[int, Called] = field(default_factory=dict)
    passes: dict[int, str] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)
    unheld: dict[str, int] = field(default_factory=dict)
    asking: dict[int, int] = field(default_factory=dict)
    until: dict[int, float] = field(default_factory=dict)
    stopped_ms: int = 0
    shift_ms: int = 0
    stepped_ms: int = 0
    outstanding: int = 0
    seen_again: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)

    def clock(self, now_ms: int) -> int:
        """Time for those who were called; it stands still while nobody can claim."""
        return (self.stopped_ms or now_ms) - self.shift_ms

    def live(self, deadlines: dict[str, int], now_ms: int) -> int:
        return sum(deadline > now_ms for deadline in deadlines.values())

    # what happened

    def joined(self, number: int) -> None:
        require(number not in self.issued, "no number is given twice", number)
        self.issued.add(number)

    def stopped(self, stop: bool, now_ms: int) -> None:
        if stop and not self.stopped_ms:
            self.stopped_ms = now_ms
        elif not stop and self.stopped_ms:
            self.shift_ms += now_ms - self.stopped_ms
            self.stopped_ms, self.stepped_ms = 0, now_ms

    def stepped(self, serving: int, now_ms: int, *, rebuilt: bool = False) -> None:
        """The call frontier stands there now."""
        require(serving >= self.serving, "serving never falls", self.serving, serving)
        clock = self.clock(now_ms)
        for number in range(self.serving + 1, serving + 1):
            self.called[number] = Called(clock + self.claim_ms, clock + self.claim_ms + BUCKET_MS)
        if serving > self.serving and not rebuilt:
            require(not self.stopped_ms, "nobody is called while the line is stopped")
            require(self.free + self.held > 0, "nobody is called when all is sold")
        self.serving = serving

    def straight_in(self, number: int, pass_id: str, now_ms: int) -> None:
        """Admitted in the join: past nobody who waits."""
        ahead = [other for other in self.issued if self.serving < other < number]
        require(not ahead, "nobody goes straight in past somebody who waits", number, ahead)
        self.serving = number
        self._admit(number, pass_id, now_ms)

    def claimed(self, number: int, pass_id: str, now_ms: int) -> None:
        """A new admission."""
        require(number <= self.serving, "only the called are admitted", number)
        require(
            self.open_until(number, sure=False) > self.clock(now_ms), "lapsed is lapsed", number
        )
        before = self._asking_before(number, now_ms, ASKING_MS - 1)
        require(self._room(now_ms) >= 1 + before - 1e-6, "the lower number goes first", number)
        self._admit(number, pass_id, now_ms)
        self.outstanding -= 1

    def deferred(self, number: int, now_ms: int) -> None:
        """Came in time and found no room."""
        before = self._asking_before(number, now_ms, ASKING_MS + 1)
        require(self._room(now_ms) < 1 + before + 1e-6, "room is not denied", number, before)
        require(
            self.open_until(number, sure=False) > self.clock(now_ms), "lapsed is lapsed", number
        )
        self.asking[number] = self.clock(now_ms)
        self.until[number] = self.clock(now_ms) + self.claim_ms

    def expired(self, number: int, now_ms: int) -> None:
        """Refused for good."""
        if number in self.passes:
            alive = self.sessions.get(self.passes[number], 0) > now_ms
            require(not alive, "an admission lasts as long as its session", number)
        else:
            until = self.open_until(number, sure=True)
            require(until <= self.clock(now_ms), "a live call is not lost", number)

    def admitted_before(self, number: int, pass_id: str, now_ms: int) -> None:
        require(self.passes.get(number) == pass_id, "a pass is its own ticket's", number)
        require(self.sessions.get(pass_id, 0) > now_ms, "an ended session stays ended", number)

    def ended(self, pass_id: str, now_ms: int, told: bool) -> None:
        require(told == (self.sessions.get(pass_id, 0) > now_ms), "an end is told once", pass_id)
        self.sessions.pop(pass_id, None)
        self.unheld.pop(pass_id, None)

    def counted(self, called: int, claimed: int, lapsed: int, now_ms: int, *, grew: bool) -> None:
        """The counters of a status document."""
        outstanding = called - claimed - lapsed
        strays = sum(number in self.lost for number in self.passes)
        most = OUTSTANDING_FACTOR * (self.bucket.rate * self.claim_ms / 60_000 + self.bucket.burst)
        require(outstanding + strays >= 0, "everybody called is counted once", called, claimed)
        require(not grew or outstanding <= max(OUTSTANDING_FLOOR, most), "calls are bounded")
        sure = sum(self._surely_open(number, now_ms) for number in self.called)
        require(outstanding + strays >= sure, "nobody lapses early", outstanding, sure)
        self.outstanding = outstanding

    def outage(self, now_ms: int) -> None:
        """A step of the line, and how long none had been made: others may not pay for that."""
        idle_ms = now_ms - self.stepped_ms
        if self.stepped_ms and idle_ms > OUTAGE_MS and not self.stopped_ms and self.outstanding > 0:
            self.shift_ms += idle_ms

    def rebuilt(self, line: LineStatus, now_ms: int) -> None:
        """The store was lost; the line goes on from a checkpoint, in a new order of revisions."""
        called_from, active = line.called_from, line.active
        self.lost |= {number for number in self.issued if number > line.issued}
        self.seen_again = {number for number in self.passes if number >= called_from}
        self.bucket.level, self.bucket.at_ms = 0, now_ms
        self.sessions = {f"lost-{slot}": now_ms + self.session_ms for slot in range(active)}
        self.asking, self.until, self.unheld, self.called = {}, {}, {}, {}
        self.shift_ms, self.stepped_ms = 0, 0
        self.stopped_ms = now_ms if self.stopped_ms else 0
        self.serving = called_from - 1
        self.stepped(line.serving, now_ms, rebuilt=True)
        self.outstanding = 0

    # what follows from it

    def open_until(self, number: int, *, sure: bool) -> float:
        """By the line's clock; 0 when it was never called or has ended."""
        if number in self.passes and number not in self.seen_again:
            return 0
        if number in self.until:
            return self.until[number]
        call = self.called.get(number)
        return 0 if call is None else call.sure_ms if sure else call.over_ms

    def _surely_open(self, number: int, now_ms: int) -> bool:
        held = number in self.issued - self.lost and number not in self.passes
        return held and self.open_until(number, sure=True) > self.clock(now_ms)

    def _room(self, now_ms: int) -> float:
        slots = self.cap - self.live(self.sessions, now_ms)
        stock = self.free - self.live(self.unheld, now_ms)
        return min(self.bucket.now(now_ms), slots, stock)

    def _asking_before(self, number: int, now_ms: int, window_ms: int) -> int:
        since = self.clock(now_ms) - window_ms
        return sum(
            other < number and asked > since and self.until[other] > self.clock(now_ms)
            for other, asked in self.asking.items()
        )

    def _admit(self, number: int, pass_id: str, now_ms: int) -> None:
        known = self.passes.get(number)
        again = number in self.seen_again
        require(
            known is None or (again and known == pass_id), "no ticket is admitted twice", number
        )
        require(self.free + self.held > 0, "nobody is admitted when all is sold")
        require(not self.stopped_ms, "nobody is admitted while the line is stopped", number)
        self.seen_again.discard(number)
        self.bucket.spend(now_ms)
        self.passes[number] = pass_id
        self.sessions[pass_id] = now_ms + self.session_ms
        self.unheld[pass_id] = now_ms + self.first_hold_ms
        self.asking.pop(number, None)
        self.until.pop(number, None)
        active = self.live(self.sessions, now_ms)
        require(active <= self.cap, "never more sessions than the cap", active)
