"""Refuses requests before they cost anything, when a worker cannot serve all of them in time.

A request is refused when it is too old already (see request_age), since nobody waits for the answer
any more by the time that it is given, or when as much is in work as can be done in time (see
work_limit). How much of either is too much depends on the request's priority: what begins something
is refused first, what concerns a hold that exists later, a payment last.

What waits for store or ledger takes no processor time, so it does not keep requests from being
answered that need neither: of those, so many are accepted in each turn of the event loop.
"""

import asyncio
import math
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from holdfast_web.shedding.priority import Priority, priority_of
from holdfast_web.shedding.reading_pauses import ReadingPauses
from holdfast_web.shedding.refusal_answers import RefusalAnswers
from holdfast_web.shedding.request_age import ProxyClock, ProxyClocks, seconds_since_received
from holdfast_web.shedding.whole_request import whole_request
from holdfast_web.shedding.work_limit import WorkLimit

OFF: Final = 0
SLOW_SECONDS: Final = 0.05
READS_IN_TURN: Final = 512
"""How often something may be read in a turn of the event loop for a view to be accepted: some 20 ms
of work."""


BESIDE_PAYMENTS: Final = 0.25
"""What is left of the limit of work while there are payments: they take many turns of the event
loop, for the ledger and the store, and each turn takes as long as there is work in it."""


class Refusal(StrEnum):
    """Why a request is refused."""

    AGE = "age"
    WORK = "work"
    CONNECTIONS = "connections"


class Share(NamedTuple):
    """What is open to a priority, as factors: of the age, and of the limit of work."""

    age: float
    work: float


SHARES: Final = {
    Priority.PAYMENT: Share(age=math.inf, work=16.0),
    Priority.HOLD: Share(age=1.0, work=1.5),
    Priority.VIEW: Share(age=0.5, work=math.inf),
    Priority.NEW: Share(age=0.5, work=1.0),
}
# What is answered from memory takes no time, or is a stream that takes hours; a payment takes that
# of the ledger's disk.
_LIMITED: Final = (Priority.NEW, Priority.HOLD)
_LEAST_AGE: Final = min(share.age for share in SHARES.values())

Clock = Callable[[], float]
Count = Callable[[str, str], None]
"""Counts a refusal by reason and priority."""


class Look(NamedTuple):
    """The decision on received bytes.

    `answer` is what a refused client is sent, after which the connection `closes`, or `pauses`, or
    goes on. It is empty where the request is accepted, or is not whole and so not decided yet.
    """

    is_decided: bool
    answer: bytes = b""
    closes: bool = False
    pauses: bool = False


ACCEPTED: Final = Look(is_decided=True)
NOT_WHOLE: Final = Look(is_decided=False)


class Shedder:
    """Decides for all connections of a worker, and counts what is in work.

    `after_ms` is how old the answer to a request that begins something may become, half of it
    before it is read; OFF refuses nothing.
    """

    def __init__(
        self,
        after_ms: int,
        proxies: ProxyClocks,
        count: Count,
        clock: Clock = time.monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        self.proxies = proxies
        self.pauses = ReadingPauses()
        self.answers = RefusalAnswers(clock)
        self.count = count
        self.clock = clock
        self._wall_clock = wall_clock
        self.turn = -math.inf
        """When the event loop looked which connections have something to be read."""
        self.reads = 0
        """How often something has been read in this turn."""
        self.calm_reads: float = math.inf
        """Up to so many a request is accepted whatever it is."""
        self.work = 0
        """Requests that write which have been read and not answered."""
        self.payments = 0
        """Payments that have been begun and not answered."""
        self.is_slow = False
        self.limit = WorkLimit(after_ms / 2000)
        self._after = after_ms / 1000
        self._is_on = after_ms != OFF

    def begin_turn(self, turn: float) -> None:
        """The event loop has looked anew, at this time by its clock."""
        self.is_slow = turn - self.turn > SLOW_SECONDS
        self.turn = turn
        self.answers.received += self.reads
        self.reads = 0
        if self._is_on:
            is_calm = not self.is_slow and self.work < self._limit()
            self.calm_reads = READS_IN_TURN if is_calm else 0

    def add(self, count: int) -> None:
        """So many requests have been read that may write."""
        self.work += count
        if self._is_on and self.work >= self._limit():
            self.calm_reads = 0

    def look(
        self,
        transport: asyncio.Transport,
        data: bytes,
        proxy: ProxyClock | None,
        *,
        may_be_old: bool = False,
    ) -> Look:
        """Looks at what a connection has received where a request may begin.

        It `may_be_old` where the connection was not read from until now.
        """
        age = seconds_since_received(transport) if may_be_old or self.is_slow else 0.0
        if proxy is not None:
            age = max(age, proxy.age(data, self._wall_clock()))
        if not self._is_on or (self.reads <= self.calm_reads and age <= self._after * _LEAST_AGE):
            return ACCEPTED
        request = whole_request(data)
        if request is None:
            return NOT_WHOLE
        priority = priority_of(request.method, request.target)
        reason = self.refusal(priority, age)
        if reason is None:
            return ACCEPTED
        self.count(reason, priority)
        # Others may be behind the same connection of a proxy, and payments on that of a shop.
        pauses = proxy is None and not request.has_key and not request.closes
        return Look(True, self.answers.take(data, closes=request.closes), request.closes, pauses)

    def refuse_surplus(self, data: bytes) -> Look:
        """Refuses the request of a connection beyond the allowed number."""
        self.count(Refusal.CONNECTIONS, Priority.NEW)
        return Look(True, self.answers.take(data, closes=True), closes=True)

    def refusal(self, priority: Priority, age: float) -> Refusal | None:
        """Why a request of this age, in seconds, cannot be accepted; None when it can."""
        if not self._is_on:
            return None
        share = SHARES[priority]
        # One that is alone is served however old: it was a slow machine, and no crowd.
        if age > self._after * share.age and self.reads + self.work > 1:
            return Refusal.AGE
        if priority is Priority.VIEW:
            return Refusal.WORK if self.reads > READS_IN_TURN else None
        return Refusal.WORK if self.work >= self._limit() * share.work else None

    def begin(self, priority: Priority) -> bool:
        """A request is begun; whether `done` is to be told of its end."""
        if priority is Priority.PAYMENT:
            self.payments += 1
        elif priority in _LIMITED:
            self.work += 1
        return priority is not Priority.VIEW

    def done(self, priority: Priority, arrived_at: float) -> None:
        """Notes that a request was answered that came at this time of the event loop."""
        if priority is Priority.PAYMENT:
            self.payments -= 1
            return
        now = self.clock()
        self.limit.done(now - arrived_at, self.work, now)
        self.work -= 1

    def _limit(self) -> float:
        return self.limit.value * (BESIDE_PAYMENTS if self.payments else 1.0)
