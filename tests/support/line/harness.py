"""A line of a test's own, and a crowd in front of it, in store time.

The sale hash is written by hand (its stock counters too), the line by its own installation script,
so that what is tested is the line alone. `Line.run` steps the line through driven time; whoever
was called and means to come is asked for by `Crowd`.
"""

import heapq
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from support.store.event_bodies import event_bodies

from holdfast_ledger import DrawRecord, LedgerUnavailable
from holdfast_ledger.draws import Draws
from holdfast_ledger.sales import Sales
from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import Advanced, LineCalls, LineCheckpoint, LineTerms
from holdfast_lua.calls.line_status import DrawState, Joined, LineAnswer, LineMode, LineStatus
from holdfast_queue.draw.commitment import Draw, fold_nonces

TERMS = LineTerms(
    rate_per_minute=600,
    burst=20,
    cap=100_000,
    session_ms=900_000,
    claim_ms=120_000,
    first_hold_ms=180_000,
    stock_permille=1000,
    mode=LineMode.LINE,
    queue_all=False,
)
PLENTY = 1_000_000
HOUR_MS = 3_600_000
DRAW = Draw("abcdefgh2345", bytes(range(32)))

Advance = Callable[[int], Awaitable[None]]


@dataclass
class Line:
    """One sale's line, its scripts, and the clock."""

    executor: Executor
    calls: LineCalls
    ref: SaleRef
    advance_ms: Advance
    terms: LineTerms = TERMS
    ceiling: int = PLENTY
    status: LineStatus | None = None

    async def install(self, start: LineCheckpoint | None = None) -> None:
        # As it is before the commit point: no sale that a guarded script would accept.
        await self.executor.command("HDEL", keys.sale(self.ref.uid), "epoch")
        code = await self.calls.install_line(
            self.ref, self.terms, start or LineCheckpoint(ceiling=self.ceiling)
        )
        await self.sale(epoch=self.ref.epoch)
        assert code is Code.OK

    async def sale(self, **fields: int | str) -> None:
        """Sets fields of the sale hash, as other scripts would."""
        await self._set(keys.sale(self.ref.uid), fields)

    async def force(self, **fields: int | str) -> None:
        """Sets fields of the line, to reach a state without the way that leads there."""
        await self._set(keys.line(self.ref.uid), fields)

    async def now_ms(self) -> int:
        """Store time, learnt without changing anything."""
        return (await self.calls.check_place(self.ref, 1, "nobody")).now_ms

    async def join(self, count: int = 1, passes: tuple[str, ...] = ()) -> Joined:
        return await self.calls.join_line(self.ref, count, self.ceiling, passes)

    async def fill(self, count: int) -> None:
        """A line of `count` more visitors, in as many batches as it takes."""
        while count > 0:
            joined = await self.join(min(count, 1000))
            assert joined.code in {Code.JOINED_LINE, Code.JOINED_LOBBY}
            count -= joined.count

    async def claim(self, number: int, pass_id: str | None = None) -> LineAnswer:
        return await self.calls.claim_pass(self.ref, number, pass_id or f"pass-{number}")

    async def step(self, after_ms: int = 100) -> LineStatus:
        """One step of the line, `after_ms` later: sooner than 100 ms it would only read."""
        return (await self.advanced(after_ms)).status

    async def advanced(self, after_ms: int = 100) -> Advanced:
        if after_ms:
            await self.advance_ms(after_ms)
        advanced = await self.calls.advance_line(self.ref)
        self.status = advanced.status
        return advanced

    async def run(self, seconds: float, tick_ms: int = 1000) -> LineStatus:
        """Steps through time as ticks would: slowly enough that it is no outage."""
        status = await self.step()
        for _ in range(round(seconds * 1000 / tick_ms)):
            status = await self.step(tick_ms)
        return status

    async def update(self, version: int = 2, times: tuple[int, int, int] = (0, 0, 0)) -> Code:
        return (await self.calls.update_line(self.ref, version, times, self.terms)).code

    async def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All events, oldest first; of one type when asked for."""
        entries = await self.executor.command("XRANGE", keys.events(self.ref.uid), "-", "+")
        return [body for body in event_bodies(entries) if kind in {None, body["type"]}]

    async def _set(self, key: str, fields: dict[str, int | str]) -> None:
        pairs = [part for pair in fields.items() for part in pair]
        if pairs:
            await self.executor.command("HSET", key, *pairs)

    async def revision(self) -> int:
        return int(await self.executor.command("HGET", keys.sale(self.ref.uid), "revision"))


LineFactory = Callable[..., Awaitable[Line]]


@dataclass
class Crowd:
    """Visitors who come to claim, or never do, some time after they were called."""

    line: Line
    show_share: float
    seed: int = 1
    delay_ms: tuple[int, int] = (200, 2_600)
    passes_ms: list[int] = field(default_factory=list)
    expired: int = 0
    _due: list[tuple[int, int]] = field(default_factory=list)
    _seen: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def live(self, seconds: float, tick_ms: int = 250) -> None:
        """Lets time pass: steps the line, and has everybody who is due come and claim."""
        for _ in range(round(seconds * 1000 / tick_ms)):
            advanced = await self.line.advanced(tick_ms)
            self._notice(advanced)
            while self._due and self._due[0][0] <= advanced.now_ms:
                await self._come(heapq.heappop(self._due)[1])

    def forget_calls(self, after: int) -> None:
        """Those called after this number are called anew: the store has forgotten it."""
        self._seen = min(self._seen, after)
        self._due = [due for due in self._due if due[1] <= after]
        heapq.heapify(self._due)

    def _notice(self, advanced: Advanced) -> None:
        for number in range(self._seen + 1, advanced.status.serving + 1):
            if self._random.random() < self.show_share:
                delay = self._random.randint(*self.delay_ms)
                heapq.heappush(self._due, (advanced.now_ms + delay, number))
        self._seen = max(self._seen, advanced.status.serving)

    async def _come(self, number: int) -> None:
        answer = await self.line.claim(number)
        if answer.code is Code.ADMITTED:
            self.passes_ms.append(answer.now_ms)
        elif answer.code in {Code.DEFERRED, Code.LINE_STOPPED}:
            heapq.heappush(self._due, (answer.now_ms + self._again_ms(answer.ms), number))
        elif answer.code is Code.CALL_EXPIRED:
            self.expired += 1
        else:
            raise AssertionError(answer)

    def _again_ms(self, ms: int) -> int:
        """When who found no room comes again."""
        return max(ms, 500)

    def passes_between(self, begin_ms: int, end_ms: int) -> int:
        return sum(begin_ms <= at < end_ms for at in self.passes_ms)


@dataclass
class Pages(Crowd):
    """Visitors whose pages come again when `Retry-After` says, and up to a fifth later."""

    delay_ms: tuple[int, int] = (0, 2_060)

    def _again_ms(self, ms: int) -> int:
        return round(1000 * max(1, round(ms / 1000)) * (1 + 0.2 * self._random.random()))


@dataclass
class Leavers(Crowd):
    """Visitors who leave again after some time, by their own choice."""

    stay_seconds: Callable[[random.Random], float] = lambda _: 0.0
    leaves: list[tuple[int, int]] = field(default_factory=list)

    async def _come(self, number: int) -> None:
        before = len(self.passes_ms)
        await super()._come(number)
        if len(self.passes_ms) > before:
            until_ms = self.passes_ms[-1] + round(1000 * self.stay_seconds(self._random))
            heapq.heappush(self.leaves, (until_ms, number))

    async def live(self, seconds: float, tick_ms: int = 250) -> None:
        for _ in range(round(seconds * 1000 / tick_ms)):
            await super().live(tick_ms / 1000, tick_ms)
            now_ms = await self.line.now_ms()
            while self.leaves and self.leaves[0][0] <= now_ms:
                _, number = heapq.heappop(self.leaves)
                # Whoever stays long without a hold may have given the slot up already.
                await self.line.calls.end_pass(self.line.ref, f"pass-{number}", "released")


def burst_excess(passes_ms: list[int], rate_per_minute: int, burst: float) -> float:
    """By how much some span holds more passes than max(burst, two ticks) + rate x T."""
    rate = rate_per_minute / 60_000
    allowed = max(burst, 500 * rate)
    worst, floor = -allowed, float("inf")
    for count, at in enumerate(sorted(passes_ms), start=1):
        # Passes in (i, j] against rate x (t_j - t_i): the worst start is the lowest i - rate x t_i.
        floor = min(floor, count - 1 - rate * at)
        worst = max(worst, count - rate * at - floor - allowed)
    return worst


def with_terms(line: Line, **changes: Any) -> None:
    line.terms = replace(line.terms, **changes)


def drawn_start(draw: Draw, ceiling: int = 0) -> LineCheckpoint:
    """A new line whose lobby will be drawn."""
    return LineCheckpoint(ceiling=ceiling, draw=DrawState.TO_COME, accumulator=draw.start)


async def drawn_line(make_line: LineFactory, draw: Draw = DRAW, ceiling: int = PLENTY) -> Line:
    """A line in its pre-queue, by scripts alone."""
    line = await make_line(ceiling=ceiling, start=drawn_start(draw, ceiling))
    begin = await line.now_ms()
    await line.sale(prequeue_ms=1, opens_ms=begin + HOUR_MS)
    return line


async def join_batch(line: Line, nonces: list[str]) -> Code:
    digest = fold_nonces(nonces)
    joined = await line.calls.join_line(line.ref, len(nonces), line.ceiling, (), digest)
    return joined.code


@dataclass
class Seals(Draws):
    """Seals draws in memory, as a ledger does: the first decides. `down` makes it fail."""

    sealed: dict[str, DrawRecord] = field(default_factory=dict)
    down: bool = False

    async def seal(self, record: DrawRecord, *, epoch: int) -> DrawRecord:
        if self.down:
            raise LedgerUnavailable()
        return self.sealed.setdefault(record.sale_uid, record)


@dataclass
class Ceilings(Sales):
    """Commits ceilings in memory, as a ledger does: never a lower one than before."""

    committed: dict[str, int] = field(default_factory=dict)
    calls: int = 0

    async def raise_ceiling(self, uid: str, *, epoch: int, ceiling: int) -> int:
        self.calls += 1
        self.committed[uid] = max(ceiling, self.committed.get(uid, 0))
        return self.committed[uid]
