"""Workers whose every call to the store or the ledger waits until it is delivered.

A worker is what a process is: its own executor, its own ledger, its own memory of the sale. What
lies between two of its calls cannot be seen by anybody else, so a schedule of calls is a schedule
of everything. A delivery lets a call happen; or happen and its answer be lost; or not happen at
all; or the worker dies before it or behind it, and nothing of it runs ever again.

Nothing here knows what the calls mean: whoever watches is told of each that happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any, Protocol, cast

from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.plans import PlanCache
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec, spec_from_json
from holdfast.sales.translate import stock_settings
from holdfast_inventory.hall import Hall
from holdfast_inventory.ledger import Ledger, LedgerUnavailable, Outcome, SaleRecord
from holdfast_inventory.ledger.intents import Intent
from holdfast_inventory.plan import Plan
from holdfast_inventory.recovery import Recovery
from holdfast_inventory.telling import Afterwards
from holdfast_lua import Bundle, Executor, SaleRef
from holdfast_lua.errors import StoreOutcomeUnknown, StoreUnavailable
from holdfast_lua.wire import Argument
from holdfast_queue.brand import Brand
from holdfast_queue.desk import FrontDesk
from holdfast_queue.room import Room
from holdfast_queue.settings import LineSettings

REQUEST: ContextVar[object] = ContextVar("REQUEST", default=None)
"""what the request is about whose calls these are; set by whoever makes it"""
QUIET_ROUNDS = 8
"""no chain of futures between two calls of a worker is longer than this"""


class Crashed(BaseException):
    """The worker is dead. Nothing of ours catches it, as nothing catches a kill."""


class Delivery(Enum):
    """What becomes of a call."""

    DONE = auto()
    ANSWER_LOST = auto()
    NOT_SENT = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


@dataclass(slots=True)
class Call:
    """A call that waits until it is delivered. `what` is a script's arguments or an intent."""

    worker: Worker
    name: str
    what: object
    act: Callable[[], Awaitable[Any]]
    answer: asyncio.Future[Any]
    request: object = None
    """what was asked of the worker, where the call's own arguments are packed"""

    @property
    def is_ledger(self) -> bool:
        return self.name.startswith("ledger.")


class Watch(Protocol):
    """Who is told of every call that happened, in the order in which they did."""

    async def happened(self, done: Sequence[tuple[Call, Any]]) -> None: ...


@dataclass
class Scheduler:
    """All workers of a run, over one store and one ledger."""

    executor: Executor
    ledger: Ledger
    watch: Watch
    waiting: list[Call] = field(default_factory=list)
    moved: int = 0
    faults: list[BaseException] = field(default_factory=list)

    async def deliver(self, calls: Sequence[Call], delivery: Delivery = Delivery.DONE) -> None:
        """Decide what becomes of these calls, at once when they are several; then all settle."""
        for call in calls:
            self.waiting.remove(call)
        sent = [] if delivery in (Delivery.NOT_SENT, Delivery.CRASH_BEFORE) else list(calls)
        answers = await asyncio.gather(*(call.act() for call in sent), return_exceptions=True)
        await self.watch.happened(list(zip(sent, answers, strict=True)))
        for call, answer in zip(sent, answers, strict=True):
            if delivery is Delivery.DONE and not isinstance(answer, BaseException):
                call.answer.set_result(answer)
            elif delivery is Delivery.DONE:
                call.answer.set_exception(cast(BaseException, answer))
        if delivery is not Delivery.DONE:
            for call in calls:
                self._fail(call, delivery)
        await self.run_until_blocked()

    def _fail(self, call: Call, delivery: Delivery) -> None:
        if delivery in (Delivery.CRASH_BEFORE, Delivery.CRASH_AFTER):
            call.answer.set_exception(Crashed())
            call.worker.die()
        elif call.is_ledger:
            call.answer.set_exception(LedgerUnavailable())
        elif delivery is Delivery.NOT_SENT:
            call.answer.set_exception(StoreUnavailable("not sent"))
        else:
            call.answer.set_exception(StoreOutcomeUnknown("the answer was lost"))

    async def run_until_blocked(self) -> None:
        """Let everybody run until all wait at a call or are done. No I/O happens in between."""
        quiet = 0
        while quiet < QUIET_ROUNDS:
            before = self.moved
            await asyncio.sleep(0)
            quiet = quiet + 1 if before == self.moved else 0
        if self.faults:
            raise self.faults[0]


class Worker:
    """A process: its connections (gated), its sales, its recovery, its jobs."""

    def __init__(
        self,
        scheduler: Scheduler,
        number: int,
        plan: Plan,
        connect: Callable[[Worker], GatedExecutor] | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.number = number
        self.alive = True
        self.jobs: set[asyncio.Task[None]] = set()
        self.afterwards = JobsAfterwards(self)
        self.ledger = GatedLedger(self)
        self.executor = (connect or GatedExecutor)(self)
        builder = StockBuilder(self.executor, self.ledger, plan)
        self.builder = builder
        self.directory = SaleDirectory(builder, lookup_seconds=0.0)
        self.recovery = Recovery(self.ledger)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """A request, or the rest of one."""
        job = asyncio.create_task(work)
        self.jobs.add(job)
        job.add_done_callback(self._ended)

    def _ended(self, job: asyncio.Task[None]) -> None:
        self.jobs.discard(job)
        self.scheduler.moved += 1
        error = job.exception()
        if error is not None and not isinstance(error, Crashed):
            self.scheduler.faults.append(error)

    async def wait(self, name: str, what: object, act: Callable[[], Awaitable[Any]]) -> Any:
        """Until the call is delivered."""
        if not self.alive:
            raise Crashed
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.scheduler.waiting.append(Call(self, name, what, act, answer, REQUEST.get()))
        self.scheduler.moved += 1
        try:
            return await answer
        finally:
            self.scheduler.moved += 1

    def die(self) -> None:
        """Nothing that waits here will ever happen."""
        self.alive = False
        for call in [call for call in self.scheduler.waiting if call.worker is self]:
            self.scheduler.waiting.remove(call)
            call.answer.set_exception(Crashed())


class JobsAfterwards(Afterwards):
    """What comes after the answer is a job of its own: nobody waits for it, by any clock."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    async def run(self, work: Coroutine[None, None, None]) -> None:
        self._worker.start(_quietly(work))


async def _quietly(work: Coroutine[None, None, None]) -> None:
    from holdfast_inventory import telling

    await telling._quietly(work)


class GatedExecutor(Executor):
    """The run's executor, for one worker; each call waits to be delivered."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._real = worker.scheduler.executor

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        reply: list[Any] = await self._worker.wait(
            name, tuple(args), lambda: self._real.run(name, keys, args)
        )
        return reply

    async def require_master(self) -> None:
        """The one store of a run is the one to use."""

    async def run_on_every_server(self, name: str, args: Sequence[Argument]) -> list[list[Any]]:
        """It takes every write, always."""
        return []

    @property
    def bundle(self) -> Bundle:
        return self._real.bundle

    async def command(self, *values: Argument, key: str | None = None) -> Any:
        return await self._worker.wait(
            f"command.{values[0]!r}", values, lambda: self._real.command(*values, key=key)
        )


class Gated:
    """A part of the ledger, each call of which waits to be delivered."""

    def __init__(self, worker: Worker, name: str, part: object) -> None:
        self._worker, self._name, self._part = worker, name, part

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._part, name)

        def gated(*args: object, **options: object) -> Awaitable[Any]:
            return self._worker.wait(
                f"ledger.{self._name}.{name}", options, lambda: method(*args, **options)
            )

        return gated


class GatedLedger(Ledger):
    """The run's ledger, for one worker; each call waits to be delivered."""

    def __init__(self, worker: Worker) -> None:
        real = worker.scheduler.ledger
        self._worker, self._real, self.database = worker, real, real.database
        for name in ("sales", "orders", "checkpoints", "draws", "blocks"):
            setattr(self, name, Gated(worker, name, getattr(real, name)))

    def commit(self, intent: Intent) -> Awaitable[Outcome]:
        return self._worker.wait("ledger.commit", intent, lambda: self._real.commit(intent))


class OnePlan(PlanCache):
    """Plans are compiled in a thread; this one has been."""

    def __init__(self, ledger: Ledger, plan: Plan) -> None:
        super().__init__(ledger)
        self._plan = plan

    async def get(self, record: SaleRecord, spec: SaleSpec) -> Plan:
        return self._plan


class NoRoom:
    """Where a waiting room would be: it agrees to whatever it is told."""

    lobby = SimpleNamespace(draw=None)
    document = SimpleNamespace(now_ms=0)  # when a draw's start was announced: there is no draw

    async def update(self, settings: LineSettings, settings_version: int) -> bool:
        return True

    def apply(self, settings: LineSettings, brand: Brand) -> None: ...


class StockBuilder(SaleBuilder):
    """Builds what sells: a sale without a waiting room, whose calls would only be in the way."""

    def __init__(self, executor: Executor, ledger: Ledger, plan: Plan) -> None:
        super().__init__(executor, ledger, cast(FrontDesk, None))
        self.plans = OnePlan(ledger, plan)
        self.installer = type(self.installer)(executor, ledger, self.plans)

    async def build(self, record: SaleRecord) -> Sale:
        record = await self._in_store(record)
        spec = spec_from_json(record.spec)
        ref = SaleRef(record.uid, record.epoch)
        plan = await self.plans.get(record, spec)
        hall = Hall(record.name, ref, plan, stock_settings(spec), self.stock_calls)
        return Sale(record, spec, ref, cast(Room, NoRoom()), hall)
