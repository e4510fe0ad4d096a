"""A sale's line in a restless world, for Hypothesis to play with.

Visitors join at three workers, come to claim or stay away, the operator turns every knob, stock
comes and goes, workers restart, the service stands still, the store is lost and rebuilt from a
checkpoint. The model (line_reference.py, line_steps.py) says beforehand what must come of each of
these. Time is the store's and stands still unless a rule moves it, so every run can be replayed;
some rules move it to the very millisecond of a deadline, or one to either side of it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from conftest import fresh_uid, make_sale_hash
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from line_harness import Ceilings, Seals
from line_reference import Broken, Model, require
from line_steps import came, step

from holdfast.sales.install import line_checkpoint
from holdfast_lua import Bundle, Executor, SaleRef, keys
from holdfast_lua.codes import Code
from holdfast_lua.line_calls import Advanced, LineCalls, LineCheckpoint
from holdfast_lua.sale_calls import SaleCalls, SaleTimes, first_revision
from holdfast_queue.desk import open_desk
from holdfast_queue.joins import CEILING_STEP
from holdfast_queue.room import Room
from holdfast_queue.settings import LineSettings
from holdfast_queue.tickets import Ticket, derive_pass_id, new_ticket_id
from holdfast_queue.views import Entry
from holdfast_web.errors import ErrorCode
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
)
KEYS = ("sale", "line", "active", "unheld", "calls", "shown", "deferred")
KEYRING = Keyring("a secret of the model, thirty-two characters or more")
worker = st.integers(0, WORKERS - 1)
OPERATIONS = st.sampled_from(["pause", "resume", "resume", "drain", "open"])
CHANGES = st.fixed_dictionaries(
    {
        "new_users_per_minute": st.sampled_from([0, 6, 60, 120, 1200]),
        "burst": st.integers(1, 8),
        "total_active_users": st.integers(0, 14),
        "claim_window_ms": st.sampled_from([2_000, 8_000, 8_000, 15_000]),
        "queue_all": st.sampled_from([False, False, False, True]),
        "stock_factor": st.sampled_from([1.0, 1.0, 0.5, 1.5]),
    }
)
T = TypeVar("T")
_REFUSED = {Code.LINE_SOLD_OUT: ErrorCode.SOLD_OUT, Code.DRAINING: ErrorCode.DRAINING}


class FewNumbers(Ceilings):
    """A ledger that commits a few numbers at a time: every run comes to the last of them."""

    async def __call__(self, uid: str, epoch: int, ceiling: int) -> int:
        return await super().__call__(uid, epoch, ceiling - CEILING_STEP + 5)


class Restless(RuleBasedStateMachine):
    """A sale in a restless world."""

    store_url: str
    scripts: Bundle

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
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
        desk = open_desk(self.executor, KEYRING, "http://wait.example", self.ceilings, Seals())
        self.rooms = [
            Room("model", SaleRef(self.ref.uid, self.ref.epoch), self.settings, desk)
            for _ in range(WORKERS)
        ]

    async def _at(self, now_ms: int) -> None:
        await self.executor.command("SET", STILL_KEY, now_ms)
        self.model.now_ms = now_ms

    async def _tick(self, room: Room) -> Advanced:
        advanced = await room.tick()
        step(self.model, advanced)
        return advanced

    # visitors

    @rule(who=worker, other=worker, counts=st.tuples(st.integers(1, 6), st.integers(0, 3)))
    def join(self, who: int, other: int, counts: tuple[int, int]) -> None:
        refused = self.model.join_refused()
        at = [self.rooms[who]] * counts[0] + [self.rooms[other]] * counts[1]
        answers = self.run(self._join(at))
        if refused is not None:
            codes = {getattr(answer, "code", answer) for answer in answers}
            require(codes == {_REFUSED[refused]}, "nobody joins who may not", codes, refused)
            return
        entries = [answer for answer in answers if isinstance(answer, Entry)]
        require(len(entries) == len(answers), "everybody else joins", answers)
        for entry in sorted(entries, key=lambda entry: _ordinal(entry.ticket)):
            admission = entry.admission
            pass_id = None if admission is None else admission.granted.pass_id
            self.model.joined(_ordinal(entry.ticket), pass_id)
            self.tickets.append(entry.ticket)

    async def _join(self, rooms: list[Room]) -> list[Entry | BaseException]:
        for room in rooms:
            if room.known is None:
                await self._tick(room)
        return await asyncio.gather(*(room.join() for room in rooms), return_exceptions=True)

    @precondition(lambda self: self.ref.uid in self.ceilings.committed)
    @rule(who=worker, count=st.integers(1, 4) | st.just(12))
    def join_by_an_old_document(self, who: int, count: int) -> None:
        """A worker that still believes the sale to be quiet."""
        ids = [new_ticket_id() for _ in range(count)]
        passes = [derive_pass_id(self.ref.uid, one) for one in ids]
        refused, (least, most) = self.model.join_refused(), self.model.straight_in(count)
        ceiling = self.ceilings.committed[self.ref.uid]
        joined = self.run(self.calls.join_line(self.rooms[who].ref, count, ceiling, passes))
        if joined.code is Code.CEILING_REACHED:
            require(self.model.issued == ceiling, "numbers that are promised are given", joined)
            return
        if refused is not None:
            require(joined.code is refused, "nobody joins who may not", joined, refused)
            return
        require(least <= joined.admitted <= most, "a quiet sale lets in", joined, least, most)
        cut = min(count, ceiling - self.model.issued)
        require(joined.count == cut, "a block is cut at the ceiling", joined, cut)
        for at in range(joined.count):
            number = joined.first + at + (joined.code is Code.JOINED_LOBBY)
            self.model.joined(number, passes[at] if at < joined.admitted else None)
            self.tickets.append(Ticket(self.ref.uid, self.ref.epoch, ids[at], number, None, 0))

    @precondition(lambda self: self.tickets)
    @rule(who=worker, data=st.data(), only_asks=st.booleans())
    def claim(self, who: int, data: st.DataObject, only_asks: bool) -> None:
        """Somebody near the front, now and then somebody from long ago."""
        front = [t for t in self.tickets if abs(_ordinal(t) - self.model.serving) <= 6]
        ticket = data.draw(st.sampled_from(front or self.tickets))
        if only_asks:
            self.run(self._ask(self.rooms[who], ticket))
        self.run(self._claim(self.rooms[who], ticket))

    async def _ask(self, room: Room, ticket: Ticket) -> None:
        number = _ordinal(ticket)
        answer = await self.calls.check_place(room.ref, number, ticket.pass_id)
        wanted = self.model.place(number, ticket.pass_id)
        require(answer.code is wanted, "a place is worth what it is", number, answer, wanted)

    async def _claim(self, room: Room, ticket: Ticket) -> None:
        number = _ordinal(ticket)
        wanted, ms = self.model.claim(number, ticket.pass_id)
        answer = await self.calls.claim_pass(room.ref, number, ticket.pass_id)
        right = answer.code is wanted and (ms is None or answer.ms == ms)
        require(right, "a claim is answered as it must be", number, answer, wanted, ms)

    @precondition(lambda self: self.tickets)
    @rule(
        who=worker,
        gap_ms=st.integers(100, LEG_MS),
        last_first=st.booleans(),
        again=st.sampled_from([0, 0, 6, 11]),
    )
    def all_called_claim(self, who: int, gap_ms: int, last_first: bool, again: int) -> None:
        """Everybody who was called comes at once, and some or all of them again."""
        self.run(self._all_come(self.rooms[who], gap_ms, last_first, again))

    async def _all_come(self, room: Room, gap_ms: int, last_first: bool, again: int) -> None:
        called = [t for t in self.tickets if _ordinal(t) <= self.model.serving][-12:]
        for some, pause_ms in ((called, gap_ms), (called[again:], 100)):
            for ticket in reversed(some) if last_first else some:
                await self._claim(room, ticket)
            await self._after(pause_ms, room)

    @rule(who=worker, gap_ms=st.integers(150, 700))
    def visitors_trickle_in(self, who: int, gap_ms: int) -> None:
        """One after another, each called soon after the one before."""
        for _ in range(5):
            self.join(who, who, (1, 0))
            self.run(self._after(gap_ms, self.rooms[who]))

    @precondition(lambda self: self.model.expires)
    @rule(who=worker, data=st.data(), what=st.sampled_from(["leave", "renew", "hold", "return"]))
    def use_a_pass(self, who: int, data: st.DataObject, what: str) -> None:
        model = self.model
        near = list(model.unheld if what == "hold" else model.sessions) or list(model.expires)
        if what == "return":
            near = sorted(model.expires.keys() - {one for _, one in model.given}) or near
        pass_id = data.draw(st.sampled_from(near))
        self.run(self._use(self.rooms[who].ref, pass_id, what))

    async def _use(self, ref: SaleRef, pass_id: str, what: str) -> None:
        model, until_ms = self.model, self.model.expires[pass_id]
        if what == "hold":
            await self.executor.command("ZREM", keys.unheld(self.ref.uid), pass_id)
            model.unheld.pop(pass_id, None)
        elif what == "leave":
            ended = await self.calls.end_pass(ref, pass_id, "released")
            require(ended.code is model.end(pass_id), "a session ends once", pass_id)
        elif what == "renew":
            wanted = model.renew(pass_id)
            renewed = await self.calls.renew_pass(ref, pass_id)
            same = wanted is not Code.OK or renewed.ms == model.sessions[pass_id]
            require(renewed.code is wanted and same, "a live session is renewed", renewed)
        elif pass_id not in [one for _, one in model.given]:
            wanted = model.come_back(pass_id, until_ms)
            returned = await self.calls.return_pass(ref, pass_id, until_ms)
            require(returned is wanted, "a pass outlives a lost store once", pass_id)

    # time

    @rule(who=worker, ms=st.integers(1, LEG_MS))
    def time_passes(self, who: int, ms: int) -> None:
        self.run(self._after(ms, self.rooms[who]))

    @rule(ms=st.integers(1, 1_500))
    def time_passes_between_two_steps(self, ms: int) -> None:
        self.run(self._at(self.model.now_ms + ms))

    @rule(who=worker, seconds=st.integers(4, 40), step=st.booleans())
    def service_stands_still(self, who: int, seconds: int, step: bool) -> None:
        """Somebody may come before the first step after it."""
        self.run(self._at(self.model.now_ms + seconds * 1000))
        self.run(self._those_called(self.rooms[who]))
        if step:
            self.run(self._after(0, self.rooms[who]))

    @rule(
        who=worker,
        data=st.data(),
        of_call=st.booleans(),
        off_ms=st.integers(-1, 1),
        step=st.sampled_from([False, False, True]),
    )
    def deadline_comes(
        self, who: int, data: st.DataObject, of_call: bool, off_ms: int, step: bool
    ) -> None:
        """To the millisecond; then those whom it concerns come, or the line is stepped first."""
        model = self.model
        moments = [*model.sessions.values(), *model.unheld.values()]
        if of_call and not model.stopped_ms:
            shift_ms = model.now_ms - model.clock_ms
            open_calls = [r for r in model.ranges if r.count > came(model, r)]
            moments = [shift_ms + r.deadline_ms for r in open_calls]
            moments += [shift_ms + until_ms for until_ms in model.deferred.values()]
        ahead = sorted({at + off_ms for at in moments if at + off_ms > model.now_ms})
        if ahead:
            moment = data.draw(st.sampled_from(ahead[:4]))
            self.run(self._until(moment, self.rooms[who], step=step))

    async def _until(self, moment_ms: int, room: Room, *, step: bool) -> None:
        while moment_ms - self.model.now_ms > LEG_MS:
            await self._after(LEG_MS, room)
        await self._at(moment_ms)
        if step:
            await self._tick(room)
        await self._those_called(room)
        await self._after(100, room)

    async def _those_called(self, room: Room, *, come: bool = True) -> None:
        """Some of those who are called, deferred or inside ask, and come."""
        model = self.model
        if not come:
            return
        near = {n for one in model.ranges[:2] for n in range(one.first, one.last + 1)}
        near |= model.deferred.keys() | {
            n for n, one in model.passes.items() if one in model.sessions
        }
        for ticket in [t for t in self.tickets if _ordinal(t) in near][:8]:
            await self._ask(room, ticket)
            await self._claim(room, ticket)

    async def _after(self, ms: int, room: Room) -> None:
        await self._at(self.model.now_ms + ms)
        await self._tick(room)

    # the operator, the shop

    @rule(who=worker, operation=OPERATIONS, come=st.booleans())
    def lifecycle_changes(self, who: int, operation: str, come: bool) -> None:
        self.run(self._change(operation, self.rooms[who]))
        self.run(self._those_called(self.rooms[who], come=come))

    async def _change(self, operation: str, room: Room) -> None:
        self.model.change_lifecycle(operation)
        changed = await self.calls.change_lifecycle(room.ref, operation)
        require(changed.lifecycle == self.model.lifecycle, "the operator is obeyed", changed)
        await self._tick(room)

    @rule(who=worker, ms=st.integers(100, 12_000))
    def line_is_stopped_for_a_while(self, who: int, ms: int) -> None:
        """Whoever comes meanwhile is told to wait, and has lost nothing afterwards."""
        room = self.rooms[who]
        self.run(self._change("pause", room))
        if self.ref.uid in self.ceilings.committed:
            self.join_by_an_old_document(who, 1)
        self.run(self._those_called(room))
        self.run(self._at(self.model.now_ms + ms))
        self.run(self._change("resume", room))
        self.run(self._those_called(room))

    @rule(who=worker, changes=CHANGES, come=st.booleans())
    def settings_change(self, who: int, changes: dict[str, Any], come: bool) -> None:
        self.run(self._set(self.rooms[who], **changes))
        self.run(self._those_called(self.rooms[who], come=come))

    async def _set(self, room: Room, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)
        self.version += 1
        times, terms = (self.model.prequeue_ms, self.model.opens_ms, 0), self.settings.terms
        answer = await self.calls.update_line(room.ref, self.version, times, terms)
        require(answer.code is Code.OK, "settings change at any time", answer)
        self.model.change_terms(terms)

    @rule(who=worker, free=st.integers(0, 6) | st.just(30), held=st.integers(0, 5))
    def stock_changes(self, who: int, free: int, held: int) -> None:
        fields = ("free", free, "held", held)
        self.run(self.executor.command("HSET", keys.sale(self.ref.uid), *fields))
        self.model.free, self.model.held = free, held
        self.run(self._those_called(self.rooms[who], come=free % 2 == 1))

    @precondition(lambda self: self.model.unheld)
    @rule(who=worker)
    def stock_is_nearly_set_aside(self, who: int) -> None:
        """One unit more than is set aside for those who hold nothing yet."""
        self.stock_changes(who, len(self.model.unheld) + 1, 1)
        self.run(self._those_called(self.rooms[who]))

    # what breaks

    @rule()
    def workers_restart(self) -> None:
        self._staff()
        for room in self.rooms:
            self.run(self._tick(room))

    @precondition(lambda self: self.rooms[0].known is not None)
    @rule(who=worker)
    def store_is_lost(self, who: int) -> None:
        """What a worker saw last is the checkpoint; what came after it is gone."""
        self.run(self._rebuild(self.rooms[who]))

    async def _rebuild(self, room: Room) -> None:
        if room.known is None:
            await self._tick(room)
        seen, uid, model = room.document, self.ref.uid, self.model
        taken = line_checkpoint(uid, self.ref.epoch, seen.now_ms, seen.line)
        start = msgspec.msgpack.decode(taken.body, type=LineCheckpoint)
        stopped = model.lifecycle == "paused"
        start = replace(start, ceiling=self.ceilings.committed.get(uid, 0), stopped=stopped)
        await self.executor.command("DEL", *(f"hf:{{{uid}}}:{name}" for name in KEYS))
        self.ref = SaleRef(uid, self.ref.epoch + 1)
        await self.calls.install_line(self.ref, self.settings.terms, start)
        done = await SaleCalls(self.executor).install(
            self.ref,
            name="model",
            lifecycle=model.lifecycle,
            settings_version=self.version,
            times=SaleTimes(model.prequeue_ms, model.opens_ms),
            stock={"free": model.free, "held": model.held, "booked": 0, "blocked": 0},
            clock_ms=seen.now_ms,
            rebuilt=True,
        )
        require(done is Code.OK, "installed", done)
        model.rebuilt(start)
        self._staff()
        for one in self.rooms:
            await self._tick(one)
        require(self.rooms[0].document.revision >= first_revision(self.ref.epoch), "news is newer")

    # what everybody sees

    @invariant()
    def shown_positions_never_rise(self) -> None:
        """Within an order of revisions; a store that was lost begins a new one."""
        for room in getattr(self, "rooms", []):
            for ticket in self.tickets[:2] + self.tickets[-3:] if room.known else []:
                view = room.view(ticket)
                revision, ahead = self.positions.get(ticket.id, (0, 0))
                if view.users_ahead is None or view.revision < revision:
                    continue
                before = first_revision(self.ref.epoch) > revision
                require(before or view.users_ahead <= ahead, "a shown position never rises")
                self.positions[ticket.id] = view.revision, view.users_ahead

    def teardown(self) -> None:
        try:
            if hasattr(self, "executor"):
                # What has failed already is told as it is, not as what it leads to.
                failed = sys.exc_info()[0] is not None or not hasattr(self, "rooms")
                self.run(self._close() if failed else self._settle())
        finally:
            self.loop.close()

    async def _close(self) -> None:
        await self.executor.__aexit__(None, None, None)

    async def _settle(self) -> None:
        """Nobody comes any more: whoever was called and did not come has lapsed, exactly."""
        try:
            room = self.rooms[0]
            await self._set(room, queue_all=False)
            for operation in ("resume", "close"):
                await self._change(operation, room)
            while self.model.outstanding > 0:
                await self._after(LEG_MS, room)
            await self._tell()
        finally:
            await self._close()

    async def _tell(self) -> None:
        """The events of this epoch say the same as the counters."""
        since = f"{self.ref.epoch}-0"
        entries = await self.executor.command("XRANGE", keys.events(self.ref.uid), since, "+")
        bodies = [msgspec.msgpack.decode(fields[5]) for _, fields in entries]
        told = {kind: [b for b in bodies if b["type"] == kind] for kind in EVENTS}
        given = [(b["data"]["number"], b["subject"]) for b in told["pass.issued"]]
        require(given == self.model.given, "every pass is told once, in order", given)
        ended = [b["subject"] for b in told["pass.ended"]]
        require(ended == self.model.ended, "every end is told once, in order", ended)
        called = [n for b in told["line.called"] for n in _numbers(b["data"])]
        wanted = [n for first, last in self.model.called_told for n in range(first, last + 1)]
        require(called == wanted, "every call is told once, in order", called)
        lapsed = sum(b["data"]["count"] for b in told["line.lapsed"])
        require(lapsed == self.model.lapsed_told, "every lapse is told", lapsed)


EVENTS = ("pass.issued", "pass.ended", "line.called", "line.lapsed")


def _numbers(data: dict[str, int]) -> range:
    return range(data["first"], data["last"] + 1)


def _ordinal(ticket: Ticket) -> int:
    """The number of a place in a sale whose order is that of arrival."""
    if ticket.number is not None:
        return ticket.number
    assert ticket.lobby_index is not None
    return ticket.lobby_index + 1


__all__ = ["Broken", "Restless"]
