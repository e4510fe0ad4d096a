"""Random histories of a sale, which scripts and rules live through together.

A history is decided by its seed and by what both have answered so far, which is the same. The
profiles draw it to what a rule is about: a line that moves, caps that bind, stock that runs out,
operators who change everything, a service that stands still.
"""

from collections.abc import Awaitable, Callable
from random import Random

from support.simulator.both import BEGIN_MS, BothSales, SaleSetup

from holdfast_lua import Executor
from holdfast_simulator.rules.line import ADMITTED, DEFERRED, PaceTerms

STEPS = 90
CATEGORIES = ("floor", "pit")


class History:
    """One random history."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._roll = self._random.random
        self.admitted: list[int] = []
        self.holding: list[int] = []
        self.deferred: list[int] = []
        # Each history has habits of its own.
        self._shows = self._random.choice([0.2, 0.6, 0.9, 1.0])
        self._crowd = self._random.choice([1, 3, 12, 60])
        self._restless = self._random.choice([0.0, 0.02, 0.1])
        self._tick_ms = self._random.choice([99, 100, 250, 250, 250, 1_000, 4_000])
        self._outages = self._random.choice([0.0, 0.0, 0.04])

    def setup(self) -> SaleSetup:
        """What the sale begins with."""
        pick = self._random.choice
        lobby = self._roll() < 0.4
        units = pick([3, 20, 60, 400])
        hold_ms = pick([2_000, 9_000, 60_000])
        return SaleSetup(
            terms=PaceTerms(
                rate=pick([0, 6, 60, 300, 1_200, 30_000]),
                burst=pick([1, 3, 20]),
                cap=pick([1, 4, 12, 100]),
                session_ms=pick([3_000, 20_000, 90_000]),
                claim_ms=pick([1_000, 2_000, 8_000, 15_000]),
                first_hold_ms=pick([1_000, 6_000, 12_000]),
                stock_permille=pick([1_000, 1_000, 500, 1_500]),
                through=self._roll() < 0.05,
            ),
            units=dict(zip(CATEGORIES, (units, pick([1, 10, 50])), strict=True)),
            hold_ms=hold_ms,
            hold_max_ms=hold_ms * pick([1, 3]),
            prequeue_ms=1 if lobby else 0,
            opens_ms=BEGIN_MS + 3_000 if lobby else 0,
        )

    async def live(
        self, executor: Executor, steps: int = STEPS, *, rests: float = 0.0
    ) -> BothSales:
        """The whole history; raises `Differs` at the first answer that differs.

        Nobody does anything in the share `rests` of its steps.
        """
        both = await BothSales.install(executor, self.setup())
        await both.step()
        for _ in range(steps):
            await self._time_passes(both)
            acts = not rests or self._roll() >= rests
            for action in self._actions() if acts else ():
                await action(both)
            await both.step()
        return both

    async def _time_passes(self, both: BothSales) -> None:
        if self._roll() < self._outages:
            ms = self._random.randint(4_000, 40_000)
        elif self._roll() < 0.3:
            ms = self._random.randint(1, 2 * self._tick_ms)
        else:
            ms = self._tick_ms
        deadline = both.line.active.next()
        if both.now_ms < deadline < both.now_ms + ms and self._roll() < 0.3:
            ms = deadline - both.now_ms + self._random.choice([-1, 0, 1])
        await both.after(max(1, ms))

    def _actions(self) -> list[Callable[[BothSales], Awaitable[None]]]:
        chances: list[tuple[float, Callable[[BothSales], Awaitable[None]]]] = [
            (0.5, self._people_join),
            (0.8, self._called_come),
            (0.5, self._deferred_come),
            (0.1, self._strangers_come),
            (0.6, self._buyers_act),
            (0.2, self._somebody_leaves),
            (0.3, lambda both: both.expire()),
            (self._restless, self._terms_change),
            (self._restless, self._lifecycle_changes),
        ]
        return [action for chance, action in chances if self._roll() < chance]

    async def _people_join(self, both: BothSales) -> None:
        count = self._random.randint(1, self._crowd)
        before = both.line.issued
        await both.join(count, self._random.choice([0, 1, count]))
        self.admitted += [
            n
            for n in range(before + 1, both.line.issued + 1)
            if both.line.active.live(n, both.now_ms)
        ]

    async def _called_come(self, both: BothSales) -> None:
        line = both.line
        waiting = [
            n
            for n in range(max(1, line.serving - 80), line.serving + 1)
            if not line.shown[n : n + 1].strip(b"\0")
        ]
        for number in waiting[:10]:
            if self._random.random() < self._shows:
                await self._claims(both, number)

    async def _deferred_come(self, both: BothSales) -> None:
        waiting, self.deferred = self.deferred, []
        for number in waiting:
            if self._roll() < 0.8:
                await self._claims(both, number)

    async def _strangers_come(self, both: BothSales) -> None:
        """Any number at all: not called, served before, lapsed long ago."""
        await self._claims(both, self._random.randint(1, both.line.issued + 3))

    async def _claims(self, both: BothSales, number: int) -> None:
        code = await both.claim(number)
        if code == ADMITTED:
            self.admitted.append(number)
        if code == DEFERRED:
            self.deferred.append(number)

    async def _buyers_act(self, both: BothSales) -> None:
        for _ in range(min(3, len(self.admitted))):
            number = self.admitted.pop(self._random.randrange(len(self.admitted)))
            category = self._random.choice(CATEGORIES)
            if await both.hold(number, category, self._random.randint(1, 6)) == "OK":
                self.holding.append(number)
        for _ in range(min(2, len(self.holding))):
            number = self._random.choice(self.holding)
            act = self._random.choice([both.release, both.begin_paying, both.book])
            if both.line.stock.holds[number].status != 2:  # a booked hold is another's business
                await act(number)

    async def _somebody_leaves(self, both: BothSales) -> None:
        inside = self.admitted + self.holding
        if inside:
            await both.end(self._random.choice(inside))

    async def _terms_change(self, both: BothSales) -> None:
        pick = self._random.choice
        changes: dict[str, list[int | bool]] = {
            "rate": [0, 60, 600, 6_000],
            "burst": [1, 5, 40],
            "cap": [0, 2, 30, 200],
            "claim_ms": [1_000, 8_000, 20_000],
            "session_ms": [2_000, 30_000],
            "queue_all": [False, False, True],
            "through": [False, False, True],
        }
        name = pick(list(changes))
        await both.change_terms(**{name: pick(changes[name])})
        if both.line.terms.queue_all and self._roll() < 0.7:
            await both.after(self._random.randint(100, 9_000))
            await both.change_terms(queue_all=False)

    async def _lifecycle_changes(self, both: BothSales) -> None:
        operation = self._random.choice(["pause", "pause", "resume", "drain", "open", "resume"])
        await both.change_lifecycle(operation)
        if operation == "pause" and self._roll() < 0.8:
            await self._called_come(both)
            await both.after(self._random.randint(100, 12_000))
            await both.change_lifecycle("resume")
