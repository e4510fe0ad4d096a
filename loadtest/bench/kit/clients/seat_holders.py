"""Ways to hold seats that somebody names, all of them or none: ours, and two that shops write.

Each knows the seats by their numbers in the plan and keeps who has them in the same store. The
shops' ways keep a seat's hold and a record of the hold that expire by themselves, which is what a
shop needs to sell; ours also counts what a buyer may have, answers a repetition as before, keeps
the free seats by row, and writes an event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import WatchError

from bench.kit.store import all_holds
from holdfast_inventory.holds.hold_requests import BuyerRef, HoldRequest
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_web.errors import HoldfastError

HOLD_SECONDS: Final = 1800
CONFLICT: Final = 409

Seats = tuple[int, ...]


class SeatHolder(Protocol):
    """One sale, and a way to hold in it."""

    async def hold(self, buyer: str, seats: Seats) -> bool:
        """Whether the buyer has all of the seats now; False: none of them."""
        ...

    async def owners(self) -> Mapping[int, str]:
        """Who has which seat, as the store has it."""
        ...


class HoldfastHolder:
    """`SaleInventory`, as the handlers of the API call it."""

    def __init__(self, inventory: SaleInventory) -> None:
        self._inventory = inventory

    async def hold(self, buyer: str, seats: Seats) -> bool:
        request = HoldRequest(seats, None, frozenset(), ())
        try:
            await self._inventory.hold(request, BuyerRef(buyer, buyer), key=buyer, digest="d")
        except HoldfastError as refusal:
            if refusal.code.status == CONFLICT:
                return False
            raise
        return True

    async def owners(self) -> Mapping[int, str]:
        holds = all_holds(self._inventory.calls, self._inventory.ref)
        return {seat: hold.buyer async for hold in holds for seat in hold.seats}


class KeyHolder:
    """A key for each held seat, with its buyer as the value."""

    def __init__(self, client: Redis, sale: str) -> None:
        self._client = client
        self._sale = sale

    def seat_key(self, seat: int) -> str:
        return f"shop:{self._sale}:seat:{seat}"

    async def owners(self) -> Mapping[int, str]:
        keys = [key async for key in self._client.scan_iter(self.seat_key(0)[:-1] + "*", 1_000)]
        values: list[Any] = await self._client.mget(keys) if keys else []
        return {
            int(key.rpartition(b":")[2]): value.decode()
            for key, value in zip(keys, values, strict=True)
        }

    def _record(self, pipeline: Any, buyer: str, seats: Seats) -> None:
        """What the shop reads when the buyer comes to pay."""
        name = f"shop:{self._sale}:hold:{buyer}"
        pipeline.hset(name, mapping={"buyer": buyer, "seats": ",".join(map(str, seats))})
        pipeline.expire(name, HOLD_SECONDS)


class LockHolder(KeyHolder):
    """A lock of redis-py for each seat, as in Redlock on one server: the lock is the hold.

    Locks are taken in the order of the seats, without waiting, and given back when one is taken.
    Source: the distributed lock of the Redis documentation, as redis-py implements it.
    """

    async def hold(self, buyer: str, seats: Seats) -> bool:
        taken: list[Lock] = []
        for seat in sorted(seats):
            lock = Lock(self._client, self.seat_key(seat), HOLD_SECONDS, thread_local=False)
            if not await lock.acquire(blocking=False, token=buyer):
                for other in reversed(taken):
                    await other.release()
                return False
            taken.append(lock)
        async with self._client.pipeline(transaction=False) as pipeline:
            self._record(pipeline, buyer, seats)
            await pipeline.execute()
        return True


class WatchHolder(KeyHolder):
    """Reads the seats, then writes them in a transaction that fails when one was changed."""

    async def hold(self, buyer: str, seats: Seats) -> bool:
        keys = [self.seat_key(seat) for seat in seats]
        async with self._client.pipeline(transaction=True) as pipeline:
            while True:
                try:
                    await pipeline.watch(*keys)
                    if any(await pipeline.mget(keys)):
                        return False
                    pipeline.multi()  # type: ignore[no-untyped-call]
                    for key in keys:
                        pipeline.set(key, buyer, ex=HOLD_SECONDS)
                    self._record(pipeline, buyer, seats)
                    await pipeline.execute()
                except WatchError:
                    continue
                return True


def doubly_sold(answered: Sequence[tuple[str, Seats]], owners: Mapping[int, str]) -> list[str]:
    """What is wrong with the holds that were answered, beside what the store has; [] is right."""
    times = Counter(seat for _, seats in answered for seat in seats)
    wrong = [
        f"seat {seat} was given to {count} buyers" for seat, count in times.items() if count > 1
    ]
    told = {seat: buyer for buyer, seats in answered for seat in seats}
    return wrong + [
        f"seat {seat}: {told.get(seat)} was told so, the store has {owners.get(seat)}"
        for seat in sorted({*told} | {*owners})
        if told.get(seat) != owners.get(seat)
    ]
