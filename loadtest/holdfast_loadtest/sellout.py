"""A crowd without a waiting room that buys a plan out: as many buyers at once as are let in.

For measuring how fast a plan can be sold, and that it was sold right. A buyer asks for a few seats
(most for the best available, some for seats they saw on a map that is half a second old), a few
change their mind and give them back, the others pay. Who is refused wants less, and who finds
not a single seat leaves; so the sale ends by itself, whoever is refused, when every seat is paid
for: seats that are given back are bought by who gave them back, at the latest.

Only successful operations are timed. What was refused is counted by the refusal's code.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from holdfast_loadtest.open_loop.outcome import percentile

QUANTITIES: Final = (1, 2, 3, 4)
QUANTITY_WEIGHTS: Final = (10, 60, 10, 20)
MAP_SHARE: Final = 0.2
CHANGED_MIND_SHARE: Final = 0.05
MAP_AGE_SECONDS: Final = 0.5


class Refused(Exception):
    """A refusal with its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SelloutFailed(Exception):
    """The sale cannot go on as it should."""


@dataclass(frozen=True, slots=True)
class Held:
    """Seats held for somebody, by their place in the plan."""

    id: str
    seats: tuple[int, ...]
    total: int


class SelloutCalls(Protocol):
    """Where the crowd buys: in this process, or over HTTP. `Refused` when it is told no."""

    async def states(self) -> str:
        """The map: one character a seat."""
        ...

    async def best(self, buyer: str, quantity: int) -> Held: ...

    async def seats(self, buyer: str, seats: tuple[int, ...]) -> Held: ...

    async def paying(self, held: Held) -> None: ...

    async def confirm(self, held: Held) -> None: ...

    async def release(self, buyer: str, held: Held) -> None: ...


@dataclass
class Account:
    """What the buyers of one sale did: how long it took, what was refused, who bought what."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    bought: dict[str, tuple[int, ...]] = field(default_factory=dict)
    sold: int = 0
    elapsed: float = 0.0

    @contextmanager
    def timed(self, operation: str) -> Iterator[None]:
        """Takes the time of what succeeds."""
        started = time.perf_counter()
        yield
        self.seconds.setdefault(operation, []).append(time.perf_counter() - started)

    def percentile_ms(self, operation: str, share: float) -> float:
        """A percentile of the successful ones; 0 when there was none."""
        return percentile(self.seconds.get(operation, ()), share) * 1000


@dataclass
class Sellout:
    """One sale of `stock` seats through a storefront, by `buyers` at a time."""

    storefront: SelloutCalls
    stock: int
    buyers: int
    pays_first: bool = False
    seed: int = 1
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - people, not secrets
        self._numbers = itertools.count(1)
        self._map = ""
        self._map_at = float("-inf")

    async def run(self, seconds_max: float) -> Account:
        """Sells until every seat is paid for; SelloutFailed when that takes too long."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(seconds_max), asyncio.TaskGroup() as group:
                for _ in range(self.buyers):
                    group.create_task(self._buy_until_nothing_is_left())
        except TimeoutError as error:
            raise SelloutFailed(
                f"{self.account.sold:,} of {self.stock:,} seats in {seconds_max:.0f} s"
            ) from error
        self.account.elapsed = time.perf_counter() - started
        if self.account.sold != self.stock:
            raise SelloutFailed(f"nobody finds a seat, and {self.account.sold:,} are sold")
        return self.account

    async def _buy_until_nothing_is_left(self) -> None:
        for number in self._numbers:
            if not await self._buy(f"buyer-{number}"):
                return

    async def _buy(self, name: str) -> bool:
        """Lets one buyer buy; False when there was not a single seat to be had."""
        held = await self._hold(name)
        if held is None:
            return False
        if self._random.random() < CHANGED_MIND_SHARE:
            with self.account.timed("release"):
                await self.storefront.release(name, held)
            return True
        if self.pays_first:
            with self.account.timed("paying"):
                await self.storefront.paying(held)
        with self.account.timed("confirm"):
            await self.storefront.confirm(held)
        self.account.bought[held.id] = held.seats
        self.account.sold += len(held.seats)
        return True

    async def _hold(self, name: str) -> Held | None:
        """Seats for a buyer, who asks for one less after each refusal."""
        quantity = self._random.choices(QUANTITIES, QUANTITY_WEIGHTS)[0]
        held: Held | None = None
        if self._random.random() < MAP_SHARE and (seats := await self._seen(quantity)):
            held = await self._try(self.storefront.seats(name, seats))
        for fewer in range(quantity, 0, -1):
            held = held or await self._try(self.storefront.best(name, fewer))
        return held

    async def _try(self, asked: Awaitable[Held]) -> Held | None:
        try:
            with self.account.timed("hold"):
                return await asked
        except Refused as refusal:
            self.account.refusals[refusal.code] += 1
            return None

    async def _seen(self, quantity: int) -> tuple[int, ...]:
        """Free seats in a row from somewhere on the map; nothing when it shows none."""
        if time.monotonic() - self._map_at > MAP_AGE_SECONDS:
            self._map_at = time.monotonic()  # one looks, the others see the same
            self._map = await self.storefront.states()
        wanted = "f" * quantity
        at = self._map.find(wanted, self._random.randrange(self.stock))
        if at < 0:
            at = self._map.find(wanted)
        return tuple(range(at, at + quantity)) if at >= 0 else ()


async def report_progress(sellout: Sellout, say: Callable[[str], None], every: float) -> None:
    """Says every few seconds how far the sale is; to be cancelled."""
    account, before = sellout.account, 0
    while True:
        await asyncio.sleep(every)
        rate = (account.sold - before) / every
        before = account.sold
        refused = account.refusals.total()
        say(f"{account.sold:,} of {sellout.stock:,} sold, {rate:,.0f} seats/s, {refused:,} refused")
