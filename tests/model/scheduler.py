"""Processes whose every call to the store or the ledger waits until it is delivered.

A process has its own executor, its own ledger, its own memory of the sale. What
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
from typing import Any, Protocol, cast

from model.environment.loop import blocked

from holdfast_ledger import Ledger, LedgerUnavailable
from holdfast_lua import Executor
from holdfast_lua.errors import StoreOutcomeUnknown, StoreUnavailable

REQUEST: ContextVar[object] = ContextVar("REQUEST", default=None)
"""what the request is about whose calls these are; set by whoever makes it"""


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

    worker: Process
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
    faults: list[BaseException] = field(default_factory=list)

    async def deliver(self, calls: Sequence[Call], delivery: Delivery = Delivery.DONE) -> None:
        """Decide what becomes of these calls, at once when they are several; then all settle."""
        for call in calls:
            self.waiting.remove(call)
        sent = [] if delivery in (Delivery.NOT_SENT, Delivery.CRASH_BEFORE) else list(calls)
        answers = await _answers(sent)
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
        await blocked()
        if self.faults:
            raise self.faults[0]


async def _answers(calls: Sequence[Call]) -> list[Any]:
    """What the calls answer or raise, all made at once."""
    if len(calls) != 1:
        return await asyncio.gather(*(call.act() for call in calls), return_exceptions=True)
    try:
        return [await calls[0].act()]
    except Exception as fault:
        return [fault]


class Process:
    """What makes calls: it runs its jobs until it dies."""

    def __init__(self, scheduler: Scheduler, number: int) -> None:
        self.scheduler = scheduler
        self.number = number
        self.alive = True
        self.jobs: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """A request, or the rest of one."""
        job = asyncio.create_task(work)
        self.jobs.add(job)
        job.add_done_callback(self._ended)

    def _ended(self, job: asyncio.Task[None]) -> None:
        self.jobs.discard(job)
        error = job.exception()
        if error is not None and not isinstance(error, Crashed):
            self.scheduler.faults.append(error)

    async def wait(self, name: str, what: object, act: Callable[[], Awaitable[Any]]) -> Any:
        """Until the call is delivered."""
        if not self.alive:
            raise Crashed
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.scheduler.waiting.append(Call(self, name, what, act, answer, REQUEST.get()))
        return await answer

    def die(self) -> None:
        """Nothing that waits here will ever happen."""
        self.alive = False
        for call in [call for call in self.scheduler.waiting if call.worker is self]:
            self.scheduler.waiting.remove(call)
            call.answer.set_exception(Crashed())
