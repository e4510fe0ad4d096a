"""The operator's settings of one sale's line.

Invariants: a `LineSettings` that exists is valid, so no later code checks a range again; every
number has a maximum, because each of them bounds a loop, a set or a clock. `InvalidSetting` names
the field as the sales API does, which turns it into its `invalid_request`.

The names follow Cloudflare's waiting room (`new_users_per_minute`, `total_active_users`,
`queue_all`, `suspended`), which other vendors took over; inside, times are in milliseconds.

Rejected: reading the sale's specification here. It also has plans and prices, which do not concern
the line.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from holdfast_lua.calls.line import LineTerms
from holdfast_lua.calls.line_status import LineMode
from holdfast_queue.tokens.identities import IdentityMode

MAX_RATE_PER_MINUTE: Final = 6_000_000
MAX_BURST: Final = 1_000_000
MAX_ACTIVE_USERS: Final = 10_000_000
MIN_WINDOW_MS: Final = 1_000
MAX_WINDOW_MS: Final = 7 * 24 * 3_600_000
MIN_STOCK_FACTOR: Final = 0.01
MAX_STOCK_FACTOR: Final = 1_000.0
MAX_RETURN_ORIGINS: Final = 50
MAX_MESSAGE_CHARS: Final = 500
MAX_ADDRESS_RATE_PER_MINUTE: Final = 1_000_000
MAX_ADDRESS_BURST: Final = 10_000


class QueueingMethod(StrEnum):
    """How visitors become a line."""

    FIFO = "fifo"
    RANDOM = "random"
    PASSTHROUGH = "passthrough"
    REJECT = "reject"


class InvalidSetting(ValueError):
    """A setting is out of its range; `field` is its name in the sales API."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True)
class LineSettings:
    """One sale's line. Times are Unix milliseconds by the store's clock; 0 means none."""

    queueing_method: QueueingMethod = QueueingMethod.FIFO
    prequeue_start_ms: int = 0
    event_start_ms: int = 0
    event_end_ms: int = 0
    new_users_per_minute: int = 600
    burst: int = 20
    total_active_users: int = 1000
    session_ms: int = 15 * 60_000
    queue_all: bool = False
    suspended: bool = False
    claim_window_ms: int = 120_000
    first_hold_ms: int = 180_000
    session_max_ms: int = 60 * 60_000
    stock_factor: float = 1.0
    return_origins: tuple[str, ...] = ()
    message: str | None = None
    identity: IdentityMode = IdentityMode.OFF
    address_joins_per_minute: int | None = None
    """joins that one address may have; 0 is no limit, None the default of join_limits.py"""
    address_joins_burst: int = 10
    test: bool = False
    """Whether it is a rehearsal: its passes say so."""

    def __post_init__(self) -> None:
        _within("new_users_per_minute", self.new_users_per_minute, 0, MAX_RATE_PER_MINUTE)
        _within("burst", self.burst, 1, MAX_BURST)
        _within("total_active_users", self.total_active_users, 0, MAX_ACTIVE_USERS)
        _within("session_duration", self.session_ms, MIN_WINDOW_MS, MAX_WINDOW_MS)
        _within("session_max_minutes", self.session_max_ms, MIN_WINDOW_MS, MAX_WINDOW_MS)
        _within("claim_window_seconds", self.claim_window_ms, MIN_WINDOW_MS, MAX_WINDOW_MS)
        _within("first_hold_seconds", self.first_hold_ms, MIN_WINDOW_MS, MAX_WINDOW_MS)
        _within("stock_factor", self.stock_factor, MIN_STOCK_FACTOR, MAX_STOCK_FACTOR)
        _within(
            "address_joins_per_minute",
            self.address_joins_per_minute or 0,
            0,
            MAX_ADDRESS_RATE_PER_MINUTE,
        )
        _within("address_joins_burst", self.address_joins_burst, 1, MAX_ADDRESS_BURST)
        if len(self.return_origins) > MAX_RETURN_ORIGINS:
            raise InvalidSetting("return_origins", f"takes at most {MAX_RETURN_ORIGINS} origins")
        if self.message is not None and len(self.message) > MAX_MESSAGE_CHARS:
            raise InvalidSetting("message", f"takes at most {MAX_MESSAGE_CHARS} characters")
        self._check_times()

    @property
    def times_ms(self) -> tuple[int, int, int]:
        """Pre-queue, open and end."""
        return self.prequeue_start_ms, self.event_start_ms, self.event_end_ms

    @property
    def terms(self) -> LineTerms:
        """The settings as arguments of the line's scripts."""
        mode = LineMode.THROUGH if self.passes_through else LineMode.LINE
        return LineTerms(
            rate_per_minute=self.new_users_per_minute,
            burst=self.burst,
            cap=self.total_active_users,
            session_ms=self.session_ms,
            claim_ms=self.claim_window_ms,
            first_hold_ms=self.first_hold_ms,
            stock_permille=round(self.stock_factor * 1000),
            mode=LineMode.REJECT if self.rejects else mode,
            queue_all=self.queue_all and not self.suspended,
            session_max_ms=self.session_max_ms,
        )

    def _check_times(self) -> None:
        if self.prequeue_start_ms and not self.event_start_ms:
            raise InvalidSetting("prequeue_start_time", "needs an event_start_time")
        if self.prequeue_start_ms and self.prequeue_start_ms > self.event_start_ms:
            raise InvalidSetting("prequeue_start_time", "must not be after event_start_time")
        if self.event_end_ms and self.event_end_ms <= self.event_start_ms:
            raise InvalidSetting("event_end_time", "must be after event_start_time")

    @property
    def passes_through(self) -> bool:
        """Nobody waits: neither rate nor cap applies, by the operator's choice."""
        return self.suspended or self.queueing_method is QueueingMethod.PASSTHROUGH

    @property
    def rejects(self) -> bool:
        """Whether nobody is admitted. `suspended` overrides it, since it switches the room off."""
        return not self.suspended and self.queueing_method is QueueingMethod.REJECT


def _within(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidSetting(field, f"must be between {low} and {high}")
