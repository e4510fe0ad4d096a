"""A sale, its workers and its clock, beside the model that knows what must come of everything.

Here is what every story needs: the sale is opened, time is moved, the line is stepped, somebody
asks or claims. What happens in a story is in visitors.py and state_machine.py.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import uvloop
from conftest import fresh_uid, make_sale_hash
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from support.line.harness import Ceilings, Seals
from support.line.records import require
from support.line.reference import Model
from support.line.steps import step

from holdfast_lua import Bundle, Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.line import Advanced, LineCalls, LineCheckpoint
from holdfast_queue.line.joining.join_batch import CEILING_STEP
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import make_room_services
from holdfast_queue.line.settings import LineSettings
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.keyring import Keyring

WORKERS = 3
STILL_KEY = "hf:test:still_ms"
BEGIN_MS = 1_800_000_000_000
LEG_MS = 4_000
"""so often the line is stepped at least while nothing is meant to stand still"""
SETTINGS = LineSettings(
    new_users_per_minute=120,
    burst=3,
    total_active_users=12,
    session_ms=20_000,
    claim_window_ms=8_000,
    first_hold_ms=12_000,
    session_max_ms=45_000,
)
KEYRING = Keyring("a secret of the model, thirty-two characters or more")
worker = st.integers(0, WORKERS - 1)
T = TypeVar("T")


class FewNumbers(Ceilings):
    """A ledger that commits a few numbers at a time: every run comes to the last of them."""

    async def raise_ceiling(self, uid: str, *, epoch: int, ceiling: int) -> int:
        return await super().raise_ceiling(uid, epoch=epoch, ceiling=ceiling - CEILING_STEP + 5)


class Stage(RuleBasedStateMachine):
    """What there is before anything happens."""

    store_url: str
    scripts: Bundle

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.tickets: list[Ticket] = []
        self.positions: dict[int, tuple[int, int]] = {}
        self.version = 1

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    @initialize(lobby=st.booleans())
    def open_sale(self, lobby: bool) -> None:
        self.run(self._open_sale(lobby))

    async def _open_sale(self, lobby: bool) -> None:
        self.executor = await Executor(self.store_url, self.scripts).__aenter__()
        self.calls = LineCalls(self.executor)
        self.ceilings = FewNumbers()
        self.ref = await make_sale_hash(self.executor, fresh_uid(), free=30)
        self.settings = SETTINGS
        if lobby:
            self.settings = replace(SETTINGS, prequeue_start_ms=1, event_start_ms=BEGIN_MS + 3_000)
        prequeue, opens, _ = self.settings.times_ms
        self.model = Model(self.settings.terms, free=30, prequeue_ms=prequeue, opens_ms=opens)
        self.model.tokens = self.settings.burst * 60_000
        await self._at(BEGIN_MS)
        self.model.tokens_ms = BEGIN_MS
        await self.executor.command("HDEL", keys.sale(self.ref.uid), "epoch")
        await self.calls.install_line(self.ref, self.settings.terms, LineCheckpoint(ceiling=0))
        fields = ("epoch", 1, "prequeue_ms", prequeue, "opens_ms", opens)
        await self.executor.command("HSET", keys.sale(self.ref.uid), *fields)
        self._staff()
        await self._tick(self.rooms[0])

    def _staff(self) -> None:
        """Workers that know nothing yet."""
        services = make_room_services(
            self.executor, KEYRING, "http://wait.example", self.ceilings, Seals()
        )
        self.rooms = [
            Room("model", SaleRef(self.ref.uid, self.ref.epoch), self.settings, services)
            for _ in range(WORKERS)
        ]

    # time

    async def _at(self, now_ms: int) -> None:
        await self.executor.command("SET", STILL_KEY, now_ms)
        self.model.now_ms = now_ms

    async def _tick(self, room: Room) -> Advanced:
        advanced = await room.tick()
        step(self.model, advanced)
        return advanced

    async def _after(self, ms: int, room: Room) -> None:
        await self._at(self.model.now_ms + ms)
        await self._tick(room)

    # those who come

    async def _ask(self, room: Room, ticket: Ticket) -> None:
        number = ordinal(ticket)
        answer = await self.calls.check_place(room.ref, number, ticket.pass_id)
        wanted = self.model.place(number, ticket.pass_id)
        require(answer.code is wanted, "a place is worth what it is", number, answer, wanted)

    async def _claim(self, room: Room, ticket: Ticket) -> None:
        number = ordinal(ticket)
        wanted, ms = self.model.claim(number, ticket.pass_id)
        answer = await self.calls.claim_pass(room.ref, number, ticket.pass_id)
        right = answer.code is wanted and (ms is None or answer.ms == ms)
        require(right, "a claim is answered as it must be", number, answer, wanted, ms)

    async def _those_called(self, room: Room, *, come: bool = True) -> None:
        """Some of those who are called, deferred or inside ask, and come."""
        model = self.model
        if not come:
            return
        near = {n for one in model.ranges[:2] for n in range(one.first, one.last + 1)}
        near |= model.deferred.keys() | {
            n for n, one in model.passes.items() if one in model.sessions
        }
        for ticket in [t for t in self.tickets if ordinal(t) in near][:8]:
            await self._ask(room, ticket)
            await self._claim(room, ticket)


def ordinal(ticket: Ticket) -> int:
    """The number of a place in a sale whose order is that of arrival."""
    if ticket.number is not None:
        return ticket.number
    assert ticket.lobby_index is not None
    return ticket.lobby_index + 1
