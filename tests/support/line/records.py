"""A sale's line as plain books: what the model keeps, and what can be read off it.

They hold what the real line does not keep: every number with what became of it, every session,
every token. What changes them is in reference.py and steps.py.
"""

from dataclasses import dataclass, field

from holdfast_lua.calls.line import LineTerms

TOKEN = 60_000
TICKS_MS = 500
OUTAGE_MS, OUTAGE_MAX_MS, OUTAGE_STEPS = 5000, 180_000, 3
POLL_MS = 2000


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
class Books:
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
    asked: dict[int, int] = field(default_factory=dict)
    """when each of them asked last, by the line's clock"""
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
    returned: set[str | int] = field(default_factory=set)
    """passes and numbers whose sessions of before the loss are taken up, or need not be"""
    sessions: dict[str, int] = field(default_factory=dict)
    unheld: dict[str, int] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)
    unused: int = 0
    """sessions that gave up their slot since the store was last lost"""
    lost_active: int = 0
    lost_until_ms: int = 0
    lost_serving: int = 0
    calls_from_ms: float = 0
    """by the line's clock; before it nobody further is called, so that others have time to come"""
    gap_until_ms: int = 0
    """by the line's clock; before it whoever has a number of a gap may come"""
    tokens: int = 0
    tokens_ms: int = 0
    called: int = 0
    claimed: int = 0
    lapsed: int = 0
    admitted: int = 0
    shift_ms: int = 0
    stopped_ms: int = 0
    advanced_ms: int = 0
    intervals_ms: tuple[int, int] = (0, 0)
    """between the last steps while somebody was called, newest first"""

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
    def notice_ms(self) -> float:
        """After so long nearly all who will come have come."""
        return 3 * self.poll_ms

    @property
    def active(self) -> int:
        lost = self.lost_active if self.now_ms < self.lost_until_ms else 0
        return self._live(self.sessions) + lost

    @property
    def outage_ms(self) -> int:
        """For how long nobody has advanced the line though somebody may come."""
        idle_ms = self.now_ms - self.advanced_ms
        usual_ms = min(OUTAGE_MAX_MS, OUTAGE_STEPS * min(self.intervals_ms))
        down = self.advanced_ms and idle_ms > max(OUTAGE_MS, usual_ms) and not self.stopped_ms
        return idle_ms if down and self.may_come(self.advanced_ms - self.shift_ms) else 0

    @property
    def clock_ms(self) -> int:
        """Time for those who were called; it stands still while nobody can claim."""
        if self.stopped_ms:
            return self.stopped_ms - self.shift_ms
        return self.now_ms - self.shift_ms - self.outage_ms

    def may_come(self, clock_ms: int) -> bool:
        """Whether somebody who was called may yet come."""
        return self.outstanding > 0 or clock_ms < self.gap_until_ms

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
