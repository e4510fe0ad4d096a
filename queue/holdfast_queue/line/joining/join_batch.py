"""Batching of joins: those that come while the store has a batch become the next script call.

A crowd that arrives in a second would otherwise be as many calls as people. The batcher takes what
has come, asks for a batch of places and assigns them in order of arrival. There is no timer: with
no batch under way, the joins of one turn of the event loop leave at its end.

Invariants: no number is used that the ledger has not committed; the ceiling is raised ahead of
use, by one task at a time, so that a join seldom waits for the ledger; batches and waiting joins
are bounded. When a reply is lost its numbers stay unused: no visitor gets them, and when they are
called nobody claims.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import MAX_JOIN_BATCH, MAX_NUMBER, LineCalls
from holdfast_lua.calls.line_status import Joined
from holdfast_lua.errors import StoreBusy
from holdfast_queue.draw.commitment import fold_nonces
from holdfast_queue.line.refusals import refusal
from holdfast_queue.tokens.tickets import derive_pass_id, new_ticket_id
from holdfast_tasks import start_task
from holdfast_web.errors import ErrorCode, HoldfastError

WAITING_JOINS_MAX: Final = 20_000
CEILING_STEP: Final = 1_000
CEILING_STEP_MAX: Final = 100_000
ATTEMPTS_MAX: Final = 8


class CeilingRaiser(Protocol):
    """`Sales.raise_ceiling` of the ledger: returns the ceiling that holds then."""

    async def __call__(self, uid: str, /, *, epoch: int, ceiling: int) -> int: ...


class Place(msgspec.Struct, frozen=True, gc=False):
    """The place of one visitor of a batch; `session_ms` is the end of a session that began at
    once.
    """

    ticket_id: int
    number: int | None
    lobby_index: int | None
    session_ms: int | None
    limit_ms: int
    called_upto: int
    now_ms: int

    @property
    def ordinal(self) -> int:
        """The rank of the place in lobby and line alike, from 1."""
        return self.number if self.number is not None else (self.lobby_index or 0) + 1


@dataclass(slots=True)
class _PendingJoin:
    ticket_id: int
    nonce: str
    place: asyncio.Future[Place]


class JoinBatcher:
    """Gives places in one sale, a batch at a time."""

    def __init__(
        self,
        calls: LineCalls,
        ref: SaleRef,
        raise_ceiling: CeilingRaiser,
        may_admit_directly: Callable[[], bool],
    ) -> None:
        self._calls = calls
        self._ref = ref
        self._raise_ceiling = raise_ceiling
        self._may_admit_directly = may_admit_directly
        self._arrived: list[_PendingJoin] = []
        self._outstanding = 0
        self._placing = 0
        """batches that the store has"""
        self._ceiling = 0
        self._raising: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, nonce: str = "", ticket_id: int | None = None) -> Place:
        """Waits for a place in the next batch; a visitor who leaves meanwhile leaves a number
        unused.

        `nonce` goes into the accumulator of a lobby that will be drawn; `ticket_id` is random
        unless the caller has one. Raises StoreBusy when WAITING_JOINS_MAX joins wait already.
        """
        if self._outstanding >= WAITING_JOINS_MAX:
            raise StoreBusy("too many joins are waiting")
        loop = asyncio.get_running_loop()
        waiting = _PendingJoin(
            new_ticket_id() if ticket_id is None else ticket_id, nonce, loop.create_future()
        )
        if not self._arrived:
            loop.call_soon(self._send)
        self._arrived.append(waiting)
        self._outstanding += 1
        try:
            return await waiting.place
        finally:
            self._outstanding -= 1

    async def aclose(self) -> None:
        """Waits until the batches under way are done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send(self) -> None:
        """Sends the next batches, unless one is under way."""
        if self._placing:
            return
        arrived, self._arrived = self._arrived, []
        for begin in range(0, len(arrived), MAX_JOIN_BATCH):
            self._spawn(self._place_batch(arrived[begin : begin + MAX_JOIN_BATCH]))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = start_task(work, name="join batch")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _place_batch(self, batch: list[_PendingJoin]) -> None:
        try:
            for _ in range(ATTEMPTS_MAX):
                batch = await self._call_store(batch)
                if not batch:
                    return
            raise HoldfastError(ErrorCode.OVERLOADED)
        except Exception as fault:  # each join of the batch is told
            for waiting in batch:
                if not waiting.place.done():
                    waiting.place.set_exception(fault)

    async def _call_store(self, batch: list[_PendingJoin]) -> list[_PendingJoin]:
        """Gives places to as many as the ceiling allows; returns the joins that are left."""
        passes = (
            [derive_pass_id(self._ref.uid, waiting.ticket_id) for waiting in batch]
            if self._may_admit_directly()
            else ()
        )
        digest = fold_nonces(waiting.nonce for waiting in batch) if batch[0].nonce else ""
        self._placing += 1
        try:
            joined = await self._calls.join_line(
                self._ref, len(batch), self._ceiling, passes, digest
            )
        finally:
            self._placing -= 1
            self._send()
        if joined.code is Code.CEILING_REACHED:
            await self._commit_ceiling(joined.issued + len(batch))
            return batch
        if joined.code < 0:
            raise refusal(joined.code)
        _assign_places(batch[: joined.count], joined)
        self._raise_ceiling_ahead(joined.issued)
        return batch[joined.count :]

    def _raise_ceiling_ahead(self, issued: int) -> None:
        raising = self._raising is not None and not self._raising.done()
        if self._ceiling - issued < _step(issued) // 2 and not raising:
            self._spawn(self._commit_ahead(issued + 1))

    async def _commit_ahead(self, needed: int) -> None:
        """Raises the ceiling before it is reached. A fault is left to the join that needs the
        numbers, which raises it again.
        """
        with suppress(Exception):
            await self._commit_ceiling(needed, ahead=True)

    async def _commit_ceiling(self, needed: int, *, ahead: bool = False) -> None:
        """Waits until the ceiling is `needed` or more; with `ahead` it is raised in any case.

        All who wait share one attempt, and its fault: batches that tried one after the other would
        wait for a ledger that is away as many times as there are batches. An attempt that has ended
        is not waited for: that would not give the event loop a turn, so the loop here never ended.
        """
        while self._ceiling < needed or ahead:
            if self._raising is None or self._raising.done():
                self._raising = start_task(
                    self._raise_for(needed), name="raise the ceiling", awaited=True
                )
            await asyncio.shield(self._raising)
            ahead = False

    async def _raise_for(self, needed: int) -> None:
        wanted = min(MAX_NUMBER, needed + _step(needed))
        if wanted < needed:
            raise HoldfastError(ErrorCode.OVERLOADED, "The sale has no numbers left.")
        committed = await self._raise_ceiling(self._ref.uid, epoch=self._ref.epoch, ceiling=wanted)
        self._ceiling = max(self._ceiling, committed)


def _step(issued: int) -> int:
    """How many numbers to commit at once: a quarter of the line, within bounds."""
    return max(CEILING_STEP, min(CEILING_STEP_MAX, issued // 4))


def _assign_places(batch: list[_PendingJoin], joined: Joined) -> None:
    in_line = joined.code is Code.JOINED_LINE
    for position, waiting in enumerate(batch):
        if waiting.place.done():
            continue
        assigned = joined.first + position
        waiting.place.set_result(
            Place(
                ticket_id=waiting.ticket_id,
                number=assigned if in_line else None,
                lobby_index=None if in_line else assigned,
                session_ms=joined.session_ms if position < joined.admitted else None,
                limit_ms=joined.limit_ms,
                called_upto=joined.called_upto,
                now_ms=joined.now_ms,
            )
        )
