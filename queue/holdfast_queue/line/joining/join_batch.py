"""Joins of one event-loop tick become one script call.

A crowd that arrives in a second would otherwise be as many calls as people. The collector takes
what one turn of the loop brings (no timer, so nobody waits for company), asks for a batch of places
and hands them out in order of arrival.

Invariants: no number is used that the ledger has not committed; the ceiling is raised ahead of
use, by one task at a time, so that a join seldom waits for the ledger; batches and waiting joins
are bounded. When a reply is lost its numbers stay unused: nobody gets them, and their turn simply
lapses.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import MAX_JOIN_BATCH, MAX_NUMBER, Joined, LineCalls
from holdfast_lua.errors import StoreBusy
from holdfast_queue.draw.commitment import fold_nonces
from holdfast_queue.line.refusals import refusal
from holdfast_queue.line.room_services import CeilingRaiser
from holdfast_queue.tokens.tickets import derive_pass_id, new_ticket_id
from holdfast_tasks import start_task
from holdfast_web.errors import ErrorCode, HoldfastError

WAITING_JOINS_MAX: Final = 20_000
CEILING_STEP: Final = 1_000
CEILING_STEP_MAX: Final = 100_000
ATTEMPTS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Place:
    """One visitor's share of a batch."""

    ticket_id: int
    number: int | None
    lobby_index: int | None
    session_ms: int | None
    limit_ms: int
    called_upto: int
    now_ms: int

    @property
    def ordinal(self) -> int:
        """Which place it is, in lobby and line alike."""
        return self.number if self.number is not None else (self.lobby_index or 0) + 1


@dataclass(slots=True)
class _Waiting:
    ticket_id: int
    nonce: str
    place: asyncio.Future[Place]


class JoinBatcher:
    """Gives places in one sale."""

    def __init__(
        self,
        calls: LineCalls,
        ref: SaleRef,
        raise_ceiling: CeilingRaiser,
        may_go_straight_in: Callable[[], bool],
    ) -> None:
        self._calls = calls
        self._ref = ref
        self._raise_ceiling = raise_ceiling
        self._may_go_straight_in = may_go_straight_in
        self._arrived: list[_Waiting] = []
        self._outstanding = 0
        self._ceiling = 0
        self._raising: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, nonce: str = "", ticket_id: int | None = None) -> Place:
        """A place of one's own. A visitor who goes away meanwhile leaves an unused number.

        `nonce` goes into the accumulator of a lobby that will be drawn; `ticket_id` is random
        unless the caller has one.
        """
        if self._outstanding >= WAITING_JOINS_MAX:
            raise StoreBusy("too many joins are waiting")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(
            new_ticket_id() if ticket_id is None else ticket_id, nonce, loop.create_future()
        )
        if not self._arrived:
            loop.call_soon(self._depart)
        self._arrived.append(waiting)
        self._outstanding += 1
        try:
            return await waiting.place
        finally:
            self._outstanding -= 1

    async def aclose(self) -> None:
        """Waits for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _depart(self) -> None:
        arrived, self._arrived = self._arrived, []
        for begin in range(0, len(arrived), MAX_JOIN_BATCH):
            self._spawn(self._seat(arrived[begin : begin + MAX_JOIN_BATCH]))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = start_task(work, name="join batch")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _seat(self, batch: list[_Waiting]) -> None:
        try:
            for _ in range(ATTEMPTS_MAX):
                batch = await self._ask(batch)
                if not batch:
                    return
            raise HoldfastError(ErrorCode.OVERLOADED)
        except Exception as fault:  # whatever it is, it belongs to those who wait for a place
            for waiting in batch:
                if not waiting.place.done():
                    waiting.place.set_exception(fault)

    async def _ask(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Seats as many as the ceiling allows; answers those who are left."""
        passes = (
            [derive_pass_id(self._ref.uid, waiting.ticket_id) for waiting in batch]
            if self._may_go_straight_in()
            else ()
        )
        digest = fold_nonces(waiting.nonce for waiting in batch) if batch[0].nonce else ""
        joined = await self._calls.join_line(self._ref, len(batch), self._ceiling, passes, digest)
        if joined.code is Code.CEILING_REACHED:
            await self._commit_ceiling(joined.issued + len(batch))
            return batch
        if joined.code < 0:
            raise refusal(joined.code)
        _hand_out(batch[: joined.count], joined)
        self._look_ahead(joined.issued)
        return batch[joined.count :]

    def _look_ahead(self, issued: int) -> None:
        if self._ceiling - issued < _step(issued) // 2 and self._raising is None:
            self._spawn(self._commit_quietly(issued + 1))

    async def _commit_quietly(self, needed: int) -> None:
        """Ahead of use: a fault here is told to whoever needs the numbers, not to nobody."""
        with suppress(Exception):
            await self._commit_ceiling(needed, ahead=True)

    async def _commit_ceiling(self, needed: int, *, ahead: bool = False) -> None:
        """Whoever waits while it is being raised shares what comes of it: the numbers or the fault.

        Each trying for itself, one after the other, a crowd would wait for a ledger that is away
        as many times as it has batches.
        """
        while self._ceiling < needed or ahead:
            if self._raising is None:
                self._raising = start_task(
                    self._raise_for(needed), name="raise the ceiling", awaited=True
                )
                self._raising.add_done_callback(self._raised)
            await asyncio.shield(self._raising)
            ahead = False

    async def _raise_for(self, needed: int) -> None:
        wanted = min(MAX_NUMBER, needed + _step(needed))
        if wanted < needed:
            raise HoldfastError(ErrorCode.OVERLOADED, "The sale has no numbers left.")
        committed = await self._raise_ceiling(self._ref.uid, self._ref.epoch, wanted)
        self._ceiling = max(self._ceiling, committed)

    def _raised(self, _: asyncio.Task[None]) -> None:
        self._raising = None


def _step(issued: int) -> int:
    """Numbers to commit at once: the longer the line, the fewer commits it needs for each."""
    return max(CEILING_STEP, min(CEILING_STEP_MAX, issued // 4))


def _hand_out(batch: list[_Waiting], joined: Joined) -> None:
    in_line = joined.code is Code.JOINED_LINE
    for position, waiting in enumerate(batch):
        if waiting.place.done():
            continue
        given = joined.first + position
        waiting.place.set_result(
            Place(
                ticket_id=waiting.ticket_id,
                number=given if in_line else None,
                lobby_index=None if in_line else given,
                session_ms=joined.session_ms if position < joined.admitted else None,
                limit_ms=joined.limit_ms,
                called_upto=joined.called_upto,
                now_ms=joined.now_ms,
            )
        )
