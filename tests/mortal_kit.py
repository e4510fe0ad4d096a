"""A worker without HTTP: sales, waiting room and operator of one process, which may die at a step.

A `House` is what a worker has between its handlers and its store and ledger. `run_until_death`
gives one to a process of its own that ends by `os._exit` at the step that it is told: `after
change_lifecycle` (a script of the store), `before sales.set_lifecycle` (a write of the ledger).
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from shop_kit import PLAN, TEST_LUA

from holdfast.config import Config
from holdfast.leadership import Leadership
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.operations import SaleOperations
from holdfast.sales.sale import Sale
from holdfast.sales.spec import AreaSpec, SaleBody
from holdfast.sales.tickers import Tickers
from holdfast_inventory import blocking
from holdfast_inventory.holds import BestAvailable, BuyerRef, HoldBody, resolve
from holdfast_inventory.ledger import DrawRecord, Ledger
from holdfast_inventory.orders import BoxOffice
from holdfast_lua import Executor, load_bundle
from holdfast_lua.stock_records import HoldRecord
from holdfast_lua.wire import Argument
from holdfast_queue.desk import open_desk
from holdfast_queue.draw import Sealed
from holdfast_queue.views import Admission, ComeAgain
from holdfast_web.keyring import Keyring

KILLED: Final = 9
FAST: Final = Config(tick_ms=50, sweep_ms=200, recovery_ms=200, checkpoint_ms=200)
BODY: Final = SaleBody(
    name="Night",
    areas=(AreaSpec(id="floor", name="Floor", capacity=50, category="GA"),),
    prices={"A": 4500, "GA": 1000},
    plan=msgspec.Raw(PLAN),
    new_users_per_minute=60_000,
    burst=100,
)

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class House:
    """The objects of one worker."""

    executor: Executor
    ledger: Ledger
    builder: SaleBuilder
    directory: SaleDirectory
    operations: SaleOperations

    async def create(self, name: str, **changes: object) -> Sale:
        """A sale of twenty seats and fifty floor units."""
        body = msgspec.structs.replace(BODY, **changes)
        return (await self.operations.put(name, body, "test"))[0]

    async def office(self, name: str) -> BoxOffice:
        return BoxOffice((await self.directory.get(name)).hall, self.ledger)

    async def join(self, name: str) -> str:
        """A ticket."""
        return (await (await self.directory.get(name)).room.join()).token

    async def claim(self, name: str, token: str) -> Admission | ComeAgain:
        room = (await self.directory.get(name)).room
        ticket = room.read_ticket(token)
        assert ticket is not None
        await room.tick()
        return await room.claim(ticket)

    async def hold(self, name: str, key: str, buyer: str = "ann") -> HoldRecord:
        """Two seats, under an idempotency key."""
        hall = (await self.directory.get(name)).hall
        body = HoldBody(best_available=BestAvailable(quantity=2))
        wish = resolve(body, hall.plan, hall.settings)
        answer = await hall.hold(wish, BuyerRef(buyer, "key:test"), key=key, digest="digest")
        assert answer.hold is not None
        return answer.hold

    @asynccontextmanager
    async def leading(self, directory: Path) -> AsyncIterator[Tickers]:
        """Everything that goes on without being asked, on the host's real clock."""
        leadership = Leadership(directory)
        tickers = Tickers(FAST, self.builder, self.directory, leadership, lambda _sale: None)
        tickers.start()
        yield tickers
        await tickers.stop()
        leadership.close()


def build_house(executor: Executor, ledger: Ledger) -> House:
    """The composition root, as far as sales go."""

    async def raise_ceiling(uid: str, epoch: int, ceiling: int) -> int:
        return await ledger.sales.raise_ceiling(uid, epoch=epoch, ceiling=ceiling)

    async def seal(uid: str, epoch: int, wished: Sealed) -> Sealed:
        record = DrawRecord(uid, wished.entrants, wished.accumulator, wished.beacon, 1_000)
        held = await ledger.draws.seal(record, epoch=epoch)
        return Sealed(held.entrants, held.accumulator, held.beacon)

    keyring = Keyring("k" * 40)
    desk = open_desk(executor, keyring, "http://house.example", raise_ceiling, seal)
    builder = SaleBuilder(executor, ledger, desk)
    directory = SaleDirectory(builder)
    return House(executor, ledger, builder, directory, SaleOperations(builder, directory))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Poll what other tasks and their timers bring about."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Fate:
    """What the process is to do with which sale, and where it ends."""

    store_url: str
    ledger_url: str
    sale: str
    deed: str
    dies: str
    given: dict[str, str] = field(default_factory=dict)


class MortalExecutor(Executor):
    """The store, with death before a script or after it has done its work."""

    dies = ""

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        die_at(self.dies, f"before {name}")
        reply = await super().run(name, keys, args)
        if reply[0] >= 0:
            die_at(self.dies, f"after {name}")
        return reply


class MortalPart:
    """A part of the ledger, with death at one of its writes."""

    def __init__(self, name: str, part: object, dies: str) -> None:
        self._name, self._part, self._dies = name, part, dies

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def mortal(*args: Any, **kwargs: Any) -> Any:
            die_at(self._dies, f"before {self._name}.{method}")
            answer = await getattr(self._part, method)(*args, **kwargs)
            die_at(self._dies, f"after {self._name}.{method}")
            return answer

        return mortal


def die_at(dies: str, here: str) -> None:
    if dies == here:
        os._exit(KILLED)


def live(fate: Fate) -> None:
    """The whole life of the process."""
    asyncio.run(_live(fate))


async def _live(fate: Fate) -> None:
    bundle = load_bundle(extra=TEST_LUA / "scripts", overlay={"clock": TEST_LUA / "clock.lua"})
    async with MortalExecutor(fate.store_url, bundle) as executor:
        ledger = await Ledger.open(fate.ledger_url)
        for part in ("sales", "blocks", "checkpoints", "draws"):
            setattr(ledger, part, MortalPart(part, getattr(ledger, part), fate.dies))
        house = build_house(executor, ledger)
        # Loading the sale is not yet the deed.
        if fate.deed not in ("load", "put"):
            await house.directory.get(fate.sale)
        executor.dies = fate.dies
        await _act(house, fate)


async def _act(house: House, fate: Fate) -> None:
    name, given = fate.sale, fate.given
    deeds: dict[str, Callable[[], Awaitable[object]]] = {
        "load": lambda: house.directory.get(name),
        "put": lambda: house.create(name),
        "delete": lambda: house.operations.delete(name, "test"),
        "patch": lambda: house.operations.patch(name, {"burst": 7}, "test"),
        "join": lambda: house.join(name),
        "claim": lambda: house.claim(name, given["ticket"]),
        "hold": lambda: house.hold(name, given["key"]),
        "release": lambda: _release(house, name, given["hold"]),
        "block": lambda: _block(house, name, blocked=True),
        "unblock": lambda: _block(house, name, blocked=False),
    }
    if fate.deed in deeds:
        await deeds[fate.deed]()
    else:
        await house.operations.change_lifecycle(name, fate.deed, "test")


async def _release(house: House, name: str, hold_id: str) -> None:
    await (await house.directory.get(name)).hall.release(hold_id, owner="", version=0)


async def _block(house: House, name: str, *, blocked: bool) -> None:
    work = blocking.block if blocked else blocking.unblock
    await work(await house.office(name), [0, 1])


async def run_until_death(fate: Fate) -> None:
    """A process that lives this life and must not live to its end."""
    process: Any = _processes.Process(target=live, args=(fate,))
    process.start()
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == KILLED, f"{fate.deed} lived through {fate.dies!r}"
