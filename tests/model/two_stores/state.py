"""One run with two stores: a master, its replica that lags, a failover that some have not heard of.

Both stores and the ledger are real, and so is what the workers do; each of their calls, the
question to the Sentinels too, waits until it is delivered. After every call the rules of two
masters are checked: an epoch is given to one store; it is ended only by who has just been told that
its store is the one to use; no seat is sold twice; no hold of the named store is unknown to
anybody.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from model.checker import START_MS
from model.environment.memory_ledger import MemoryLedger
from model.environment.real_store import Dump, RealStore, dump, restore
from model.reference.terms import require
from model.sale import NAME, UID, create_sale, plan_of
from model.scheduler import REQUEST, Call, Process, Scheduler
from model.state import CLOCK_KEY, WORKERS, Operation
from model.two_stores.sentinels import SENTINELS, MasterExecutor, Sent
from model.workers.worker import Worker

from holdfast_ledger import LedgerError
from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.inventory_install import read_fence
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_lua.client.link import Address
from holdfast_lua.errors import EpochChanged, StoreBehind, StoreError, StoreUnavailable
from holdfast_web.errors import HoldfastError

FORMER, PROMOTED = Address("former", 1), Address("promoted", 2)


@dataclass
class TwoStoreState:
    """The real sale in its stores, and what must stay true of it."""

    stores: dict[Address, Executor]
    ledger: MemoryLedger
    named: Address = FORMER
    """by most Sentinels"""
    isolated: set[int] = field(default_factory=set)
    """workers that reach no majority of them"""
    replica: Dump = field(default_factory=list)
    """what the replica has received"""
    trace: list[str] = field(default_factory=list)
    seen: dict[str, HoldRecord] = field(default_factory=dict)
    sold: dict[int, str] = field(default_factory=dict)
    """who was confirmed each seat"""
    nonces: dict[int, str] = field(default_factory=dict)
    """of the store that each epoch was installed in"""
    named_at: dict[int, int] = field(default_factory=dict)
    """when each worker was last told that the server it used is the master"""
    now_ms: int = START_MS

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.stores[FORMER], self.ledger, self)
        self.workers = [self._worker(number) for number in range(WORKERS)]

    def _worker(self, number: int) -> Worker:
        plan = plan_of("reacquire_same")
        return Worker(self.scheduler, number, plan, lambda worker: MasterExecutor(worker, self))

    async def open(self) -> None:
        """The sale is in the ledger; who asks for it first installs it."""
        await create_sale(self.ledger, "reacquire_same")
        await asyncio.gather(*(self.wipe(address) for address in self.stores))

    # Servers

    def server(self, address: Address) -> Executor:
        return self.stores[address]

    async def master_for(self, worker: Worker) -> Address:
        if worker.number in self.isolated:
            raise StoreUnavailable("no majority")
        return self.named

    async def set_clock(self, now_ms: int) -> None:
        self.now_ms = now_ms
        setting = (store.command("SET", CLOCK_KEY, now_ms) for store in self.stores.values())
        await asyncio.gather(*setting)

    async def wipe(self, address: Address) -> None:
        """A store forgets the sale."""
        store = self.stores[address]
        await asyncio.gather(
            store.command("FLUSHDB", "SYNC"), store.command("SET", CLOCK_KEY, self.now_ms)
        )

    async def replicate(self) -> None:
        """The replica has what the master has now, and lags from here on."""
        store = self.stores[FORMER]
        self.replica = await dump(store, UID)

    async def fail_over(self) -> None:
        """The replica is promoted; nobody on the former has heard of it yet, which goes on."""
        if self.named == PROMOTED:
            return
        await restore(self.stores[PROMOTED], self.replica)
        self.named = PROMOTED

    # Requests

    def worker(self, number: int) -> Worker:
        """A dead one has been replaced."""
        if not self.workers[number].alive:
            self.workers[number] = self._worker(number)
        return self.workers[number]

    def start(self, number: int, operation: Operation) -> Worker:
        """A request arrives at a worker."""
        worker = self.worker(number)
        worker.start(self._request(worker, operation))
        return worker

    async def _request(self, worker: Worker, operation: Operation) -> None:
        REQUEST.set(len(self.trace))
        try:
            sale = await worker.directory.get(NAME)
            try:
                await operation(sale.inventory, worker)
            except (StoreBehind, EpochChanged) as fault:
                await worker.directory.repair(sale, fault)
        except (HoldfastError, LedgerError, StoreError) as error:
            self.trace.append(f"    {worker.number}: refused: {error!r}")
        else:
            self.trace.append(f"    {worker.number}: done")

    def ping(self, number: int) -> None:
        """Another sale's call at this worker."""
        worker = self.worker(number)

        async def ping() -> None:
            try:
                await worker.executor.command("PING")
            except StoreError as error:
                self.trace.append(f"    {worker.number}: refused: {error!r}")

        worker.start(ping())

    def look(self, number: int) -> None:
        """The worker's look of each second, if it is connected."""
        node = node_of(self.worker(number))
        if node.link is not None:
            node.resolve_again()

    async def run(self, worker: Worker | None = None, until: str = "") -> None:
        """Let everything of this worker (or of anybody) happen, up to a call of this name."""
        await self.scheduler.run_until_blocked()
        while calls := [c for c in self.scheduler.waiting if worker in (None, c.worker)]:
            if calls[0].name == until:
                return
            await self.scheduler.deliver(calls[:1])

    # Rules

    async def happened(self, done: Sequence[tuple[Call, Any]]) -> None:
        """Every call that has happened, in order."""
        for call, answer in done:
            self.trace.append(f"    {call.worker.number}: {call.name}{_short(call, answer)}")
            if isinstance(answer, BaseException):
                continue
            if call.name == SENTINELS and answer == node_of(call.worker).address:
                self.named_at[call.worker.number] = len(self.trace)
            elif call.name == "ledger.sales.bump_epoch":
                self._epoch_ended(call)
            elif call.name == "install_sale" and Code(answer[0]) is Code.OK:
                await self._installed(call)

    def _epoch_ended(self, call: Call) -> None:
        began: Any = call.request
        used = node_of(call.worker).address
        asked = self.named_at.get(call.worker.number, 0) > began
        require(
            used == self.named or asked,
            "ended",
            f"{call.worker.number} ends an epoch, on {used}, and has not asked who is master",
        )

    async def _installed(self, call: Call) -> None:
        sent: Any = call.what
        epoch, nonce = int(sent.args[0]), str(sent.args[11])
        fence = await read_fence(self.stores[sent.address], UID)
        require(fence == (epoch, nonce), "stock", f"epoch {epoch} {nonce}, the stock is of {fence}")
        first = self.nonces.setdefault(epoch, nonce)
        require(first == nonce, "twice", f"epoch {epoch} is installed in two stores")

    def confirmed(self, hold: HoldRecord) -> None:
        """The platform was told so."""
        for seat in hold.seats:
            owner = self.sold.setdefault(seat, hold.id)
            require(owner == hold.id, "double", f"seat {seat} is sold to {owner} and {hold.id}")

    async def not_known(self, hold: HoldRecord) -> None:
        """The platform was told that there is no such hold, or not any more."""
        store = self.stores[self.named]
        epoch = await store.command("HGET", keys.sale(UID), "epoch")
        record = await self.ledger.sales.read_uid(UID)
        holds = await RealStore(store, UID).holds()
        fresh = [held.id for held in holds if held.status is HoldStatus.ACTIVE]
        known = epoch is not None and int(epoch) == record.epoch and hold.id in fresh
        require(not known, "unknown", f"{hold.id} is in the store that is named")


def node_of(worker: Process) -> Any:
    """A worker's way to the store."""
    assert isinstance(worker, Worker)
    executor = worker.executor
    assert isinstance(executor, MasterExecutor)
    return executor.node


def _short(call: Call, answer: Any) -> str:
    """Where it went and what came of it, without what chance has drawn."""
    where = f" {call.what.address}" if isinstance(call.what, Sent) else ""
    if isinstance(answer, BaseException | Address):
        return f"{where} -> {answer!r}"
    script = isinstance(answer, list) and isinstance(call.what, Sent)
    return f"{where} -> {Code(answer[0]).name}" if script else where
