"""A worker without HTTP: sales, waiting room and operator of one process.

A `Worker` holds what the process has between its handlers and its store and ledger.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from support.ledger.small_sale import PLAN, payment

from holdfast.config import Config
from holdfast.processes.leadership import Leadership
from holdfast.reconcile.reading import Reader
from holdfast.reconcile.running import reconcile
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.operations import SaleOperations
from holdfast.sales.plans import PlanCache
from holdfast.sales.sale import Sale
from holdfast.sales.spec import AreaSpec, SaleBody
from holdfast.sales.tasks.periodic_tasks import PeriodicTasks
from holdfast_inventory.holds.hold_requests import BestAvailable, BuyerRef, HoldBody, resolve
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import ConfirmService
from holdfast_ledger import Actor, Ledger, SaleRecord
from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls.records import HoldRecord
from holdfast_lua.calls.sale import SaleCalls, SaleHead
from holdfast_queue.line.results import Admission
from holdfast_queue.line.room_services import make_room_services
from holdfast_web.keyring import Keyring

NAME: Final = "night"
FAST: Final = Config(tick_ms=50, sweep_ms=200, recovery_ms=200, checkpoint_ms=200)
FLOOR: Final = AreaSpec(id="floor", name="Floor", capacity=50, category="GA")
BODY: Final = SaleBody(
    name="Night",
    areas=(FLOOR,),
    prices={"A": 4500, "GA": 1000},
    plan=msgspec.Raw(PLAN),
    new_users_per_minute=60_000,
    burst=100,
)


class Unobserved:
    """Takes no notice of how sales stand."""

    def observe(self, *_status: object, test: bool) -> None:
        """Does nothing."""

    def forget(self, *_sale: object) -> None:
        """Does nothing."""

    async def record(self, *_sale: object) -> None:
        """Does nothing."""


@dataclass(frozen=True)
class Worker:
    """The objects of one worker."""

    executor: Executor
    ledger: Ledger
    builder: SaleBuilder
    directory: SaleDirectory
    operations: SaleOperations
    newcomers: list["Worker"] = field(default_factory=list)

    def newcomer(self) -> "Worker":
        """Another worker of this store and ledger, which has seen nothing yet."""
        fresh = build_worker(self.executor, self.ledger)
        self.newcomers.append(fresh)
        return fresh

    async def close(self) -> None:
        """Waits for what goes on in the background, of the newcomers too."""
        for fresh in self.newcomers:
            await fresh.close()
        await self.directory.close()

    async def create(self, name: str, **changes: object) -> Sale:
        """A sale of twenty seats and fifty floor units."""
        body = msgspec.structs.replace(BODY, **changes)
        return (await self.operations.put(name, body, Actor("test")))[0]

    async def context(self, name: str) -> SaleContext:
        return SaleContext((await self.directory.get(name)).inventory, self.ledger)

    async def join(self, name: str) -> str:
        """A ticket."""
        return (await (await self.directory.get(name)).room.join()).token

    async def claim(self, name: str, token: str) -> Admission:
        """The pass of a ticket that nothing keeps waiting.

        A step of the line that follows another within a tenth of a second only reads, so the first
        one may call nobody yet.
        """
        room = (await self.directory.get(name)).room
        ticket = room.read_ticket(token)
        assert ticket is not None
        for _ in range(100):
            await room.tick()
            answer = await room.claim(ticket)
            if isinstance(answer, Admission):
                return answer
            await asyncio.sleep(0.02)
        raise AssertionError("never called")

    async def hold(self, name: str, key: str, buyer: str = "ann") -> HoldRecord:
        """Two seats, under an idempotency key."""
        inventory = (await self.directory.get(name)).inventory
        body = HoldBody(best_available=BestAvailable(quantity=2))
        hold_request = resolve(body, inventory.plan, inventory.settings)
        answer = await inventory.hold(
            hold_request, BuyerRef(buyer, "key:test"), key=key, digest="digest"
        )
        assert answer.hold is not None
        return answer.hold

    @asynccontextmanager
    async def leading(self, directory: Path) -> AsyncIterator[PeriodicTasks]:
        """Everything that goes on without being asked, on the host's real clock."""
        leadership = Leadership(directory)
        tasks = PeriodicTasks(FAST, self.builder, self.directory, leadership, Unobserved())
        tasks.start()
        try:
            yield tasks
        finally:
            await tasks.stop()
            await self.directory.close()
            leadership.close()


def build_worker(executor: Executor, ledger: Ledger) -> Worker:
    """The composition root, as far as sales go."""

    keyring = Keyring("k" * 40)
    services = make_room_services(
        executor, keyring, "http://worker.example", ledger.sales, ledger.draws
    )
    builder = SaleBuilder(executor, ledger, services)
    directory = SaleDirectory(builder)
    executor.when_moved(directory.learn_revisions)
    return Worker(executor, ledger, builder, directory, SaleOperations(builder, directory))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Poll what other tasks, their timers and other processes bring about."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def record_of(worker: Worker, name: str) -> SaleRecord:
    """The sale as the ledger has it."""
    record = await worker.ledger.sales.read(name)
    assert record is not None
    return record


async def head_of(worker: Worker, name: str) -> SaleHead:
    """The sale as the store has it."""
    record = await record_of(worker, name)
    return await SaleCalls(worker.executor).read(SaleRef(record.uid, record.epoch))


async def lose(worker: Worker, name: str) -> None:
    """What FLUSHALL would do to the sale."""
    await SaleCalls(worker.executor).remove((await record_of(worker, name)).uid)


async def rebuilt(worker: Worker, name: str) -> Worker:
    """A worker that starts after the loss."""
    await lose(worker, name)
    fresh = worker.newcomer()
    await fresh.directory.get(name)
    return fresh


async def sell(worker: Worker, name: str, key: str) -> tuple[int, ...]:
    """Two seats, held, confirmed and synced to the store."""
    hold = await worker.hold(name, key)
    await confirm(worker, name, hold)
    return hold.seats


async def confirm(worker: Worker, name: str, hold: HoldRecord) -> None:
    """Sells what is held, and syncs the order to the store."""
    background = BackgroundTasks()
    await ConfirmService(background).confirm(await worker.context(name), hold.id, payment(hold))
    await background.drain()


async def reconciled(worker: Worker, name: str) -> None:
    """Fails unless store, ledger and events agree seat by seat."""
    reader = Reader(worker.executor, worker.ledger, PlanCache(worker.ledger))
    assert (await reconcile(reader, name)).differences == []


async def audited(worker: Worker, name: str) -> list[str]:
    """What the audit says was done to sales of this name."""
    records = await worker.ledger.audit.page(sales={name})
    return [record.entry.action for record in reversed(records)]
