"""The waiting room against a model of its promises: any number of workers, restarts, store losses.

Hypothesis makes up what happens: visitors join at three workers, come to claim or stay away, the
operator turns every knob, stock comes and goes, workers restart, the service stands still, the
store is lost and rebuilt from a checkpoint. After each step the model (tests/line_reference.py)
says whether what came of it may be. Time is the store's and
stands still unless a step moves it, so that every run can be replayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from conftest import TEST_LUA, fresh_uid, make_sale_hash
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from line_harness import Ceilings, Seals
from line_reference import Bucket, Model, require

from holdfast.sales.install import line_checkpoint
from holdfast_lua import Bundle, Executor, SaleRef, keys, load_bundle
from holdfast_lua.codes import Code
from holdfast_lua.line_calls import Advanced, LineCalls, LineCheckpoint
from holdfast_lua.sale_calls import SaleCalls, SaleTimes, first_revision
from holdfast_queue.desk import open_desk
from holdfast_queue.room import Room
from holdfast_queue.settings import LineSettings
from holdfast_queue.tickets import Ticket, derive_pass_id, new_ticket_id
from holdfast_queue.views import Entry
from holdfast_web.errors import ErrorCode
from holdfast_web.keyring import Keyring

WORKERS = 3
STILL_KEY = "hf:test:still_ms"
BEGIN_MS = 1_800_000_000_000
SETTINGS = LineSettings(
    new_users_per_minute=120,
    burst=3,
    total_active_users=12,
    session_ms=20_000,
    claim_window_ms=8_000,
    first_hold_ms=5_000,
)
KEYRING = Keyring("a secret of the model, thirty-two characters or more")
worker = st.integers(0, WORKERS - 1)
T = TypeVar("T")


class Restless(RuleBasedStateMachine):
    """A sale in a restless world."""

    store_url: str
    scripts: Bundle

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.tickets: list[Ticket] = []
        self.shown: dict[int, tuple[int, int]] = {}
        self.version = 1

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    @initialize(lobby=st.booleans())
    def open_sale(self, lobby: bool) -> None:
        self.run(self._open_sale(lobby))

    async def _open_sale(self, lobby: bool) -> None:
        self.executor = await Executor(self.store_url, self.scripts).__aenter__()
        await self.executor.command("SET", STILL_KEY, BEGIN_MS)
        self.calls = LineCalls(self.executor)
        self.ceilings = Ceilings()
        self.ref = await make_sale_hash(self.executor, fresh_uid(), free=30)
        self.settings = SETTINGS
        if lobby:
            now_ms = (await self._clock()) + 3_000
            self.settings = replace(SETTINGS, prequeue_start_ms=1, event_start_ms=now_ms)
        await self.executor.command("HDEL", keys.sale(self.ref.uid), "epoch")
        await self.calls.install_line(self.ref, self.settings.terms, LineCheckpoint(ceiling=0))
        prequeue, opens, _ = self.settings.times_ms
        fields = ("epoch", 1, "prequeue_ms", prequeue, "opens_ms", opens)
        await self.executor.command("HSET", keys.sale(self.ref.uid), *fields)
        self._staff()
        await self.rooms[0].tick()
        self.model = Model(
            bucket=Bucket(120, 3, await self._clock(), 3.0),
            cap=12,
            session_ms=20_000,
            claim_ms=8_000,
            first_hold_ms=5_000,
            free=30,
        )

    def _staff(self) -> None:
        """Workers that know nothing yet."""
        desk = open_desk(self.executor, KEYRING, "http://wait.example", self.ceilings, Seals())
        self.desk = desk
        self.rooms = [
            Room("model", SaleRef(self.ref.uid, self.ref.epoch), self.settings, desk)
            for _ in range(WORKERS)
        ]

    async def _clock(self) -> int:
        return int(await self.executor.command("GET", STILL_KEY))

    # visitors

    @rule(who=worker, other=worker, counts=st.tuples(st.integers(1, 6), st.integers(0, 3)))
    def join(self, who: int, other: int, counts: tuple[int, int]) -> None:
        at = [self.rooms[who]] * counts[0] + [self.rooms[other]] * counts[1]
        joined = self.run(self._join(at))
        refused = [answer for answer in joined if isinstance(answer, BaseException)]
        sold_out = [getattr(fault, "code", fault) is ErrorCode.SOLD_OUT for fault in refused]
        require(all(sold_out) and (not refused or self.model.free + self.model.held == 0), "joins")
        entries = [entry for entry in joined if isinstance(entry, Entry)]
        for entry in sorted(entries, key=lambda entry: _ordinal(entry.ticket)):
            number = _ordinal(entry.ticket)
            self.model.joined(number)
            if entry.admission is not None:
                admission = entry.admission
                pass_id = admission.granted.pass_id
                self.model.straight_in(number, pass_id, admission.now_ms)
            self.tickets.append(entry.ticket)

    @precondition(lambda self: self.issued)
    @rule(who=worker, count=st.integers(1, 4))
    def join_by_an_old_document(self, who: int, count: int) -> None:
        """A worker that still believes the sale to be quiet."""
        self.run(self._join_boldly(self.rooms[who].ref, count))

    async def _join_boldly(self, ref: SaleRef, count: int) -> None:
        ids = [new_ticket_id() for _ in range(count)]
        passes = [derive_pass_id(ref.uid, one) for one in ids]
        joined = await self.calls.join_line(ref, count, self.ceilings.committed[ref.uid], passes)
        for at in range(joined.count):
            number = joined.first + at + (joined.code is Code.JOINED_LOBBY)
            self.model.joined(number)
            self.tickets.append(Ticket(ref.uid, ref.epoch, ids[at], number, None, 0))
            if at < joined.admitted:
                self.model.straight_in(number, passes[at], joined.now_ms)

    @property
    def issued(self) -> bool:
        return hasattr(self, "ceilings") and self.ref.uid in self.ceilings.committed

    async def _join(self, rooms: list[Room]) -> list[Entry | BaseException]:
        for room in rooms:
            if room._document is None:
                self._stepped(await room.tick())
        return await asyncio.gather(*(room.join() for room in rooms), return_exceptions=True)

    @precondition(lambda self: self.tickets)
    @rule(who=worker, data=st.data())
    def claim(self, who: int, data: st.DataObject) -> None:
        """Somebody near the front, now and then somebody from long ago."""
        front = [t for t in self.tickets if abs(_ordinal(t) - self.model.serving) <= 6]
        ticket = data.draw(st.sampled_from(front or self.tickets))
        self._claim(self.rooms[who], ticket)

    @precondition(lambda self: self.tickets)
    @rule(who=worker, gap_ms=st.integers(100, 1_500))
    def all_called_claim_twice(self, who: int, gap_ms: int) -> None:
        """Everybody who was called comes at once, the last first, and soon again."""
        called = [t for t in self.tickets if _ordinal(t) in self.model.called]
        for pause_ms in (gap_ms, 0):
            for ticket in called[:-12:-1]:
                self._claim(self.rooms[who], ticket)
            self.run(self._after(pause_ms, self.rooms[who]))

    def _claim(self, room: Room, ticket: Ticket) -> None:
        number = _ordinal(ticket)
        answer = self.run(self.calls.claim_pass(room.ref, number, ticket.pass_id))
        model, now_ms = self.model, answer.now_ms
        if answer.code is Code.ADMITTED:
            model.claimed(number, ticket.pass_id, now_ms)
            require(answer.ms == now_ms + model.session_ms, "a session has its length")
        elif answer.code is Code.ADMITTED_BEFORE:
            model.admitted_before(number, ticket.pass_id, now_ms)
        elif answer.code is Code.DEFERRED:
            model.deferred(number, now_ms)
        elif answer.code is Code.CALL_EXPIRED:
            model.expired(number, now_ms)
        elif answer.code is Code.LINE_STOPPED:
            require(model.stopped_ms > 0, "only a stopped line turns everybody away")
        elif answer.code is Code.LINE_SOLD_OUT:
            require(model.free + model.held == 0, "only a sold out sale says so")
        else:
            require(answer.code is Code.NOT_CALLED, "a known answer", answer)
            require(number > model.serving, "the called are not told to wait", number)

    @precondition(lambda self: self.model.passes)
    @rule(who=worker, data=st.data(), renews=st.booleans())
    def leave_or_renew(self, who: int, data: st.DataObject, renews: bool) -> None:
        pass_id = data.draw(st.sampled_from(list(self.model.passes.values())))
        ref, model = self.rooms[who].ref, self.model
        if renews:
            answer = self.run(self.calls.renew_pass(ref, pass_id))
            alive = model.sessions.get(pass_id, 0) > answer.now_ms
            require((answer.code is Code.OK) == alive, "a live session is renewed, no other")
            if alive:
                model.sessions[pass_id] = answer.ms
        else:
            answer = self.run(self.calls.end_pass(ref, pass_id, "released"))
            model.ended(pass_id, answer.now_ms, answer.code is Code.OK)

    @precondition(lambda self: self.model.unheld)
    @rule(data=st.data())
    def hold_something(self, data: st.DataObject) -> None:
        pass_id = data.draw(st.sampled_from(list(self.model.unheld)))
        self.run(self.executor.command("ZREM", keys.unheld(self.ref.uid), pass_id))
        self.model.unheld.pop(pass_id)

    # time

    @rule(who=worker, ms=st.integers(100, 4_000))
    def time_passes(self, who: int, ms: int) -> None:
        self.run(self._after(ms, self.rooms[who]))

    @rule(ms=st.integers(1, 1_500))
    def time_passes_between_two_steps(self, ms: int) -> None:
        if self.run(self._clock()) - self.model.stepped_ms < 3_000:
            self.run(self.executor.command("INCRBY", STILL_KEY, ms))

    @rule(who=worker, seconds=st.integers(6, 60))
    def service_stands_still(self, who: int, seconds: int) -> None:
        self.run(self._after(seconds * 1000, self.rooms[who]))

    async def _after(self, ms: int, room: Room) -> None:
        await self.executor.command("INCRBY", STILL_KEY, ms)
        self._stepped(await room.tick())

    def _stepped(self, advanced: Advanced) -> None:
        model, line, now_ms = self.model, advanced.status, advanced.now_ms
        if now_ms - model.stepped_ms >= 100:
            model.outage(now_ms)
        grew = line.serving > model.serving
        model.stepped(line.serving, now_ms)
        model.counted(line.called, line.claimed, line.lapsed, now_ms, grew=grew)
        due = advanced.code is Code.OK or line.outstanding > 0
        if now_ms - model.stepped_ms >= 100 and due:
            model.stepped_ms = now_ms
        require(line.active >= model.live(model.sessions, now_ms), "every session counts")

    # the operator, the shop

    @rule(who=worker, stop=st.booleans())
    def pause_or_resume(self, who: int, stop: bool) -> None:
        self.run(self._change("pause" if stop else "resume", self.rooms[who]))

    async def _change(self, operation: str, room: Room) -> None:
        changed = await self.calls.change_lifecycle(room.ref, operation)
        self.model.stopped(changed.lifecycle == "paused", changed.now_ms)
        self._stepped(await room.tick())

    @rule(
        who=worker,
        rate=st.sampled_from([6, 60, 120, 1200]),
        burst=st.integers(1, 8),
        cap=st.integers(1, 20),
    )
    def change_settings(self, who: int, rate: int, burst: int, cap: int) -> None:
        self.settings = replace(
            self.settings, new_users_per_minute=rate, burst=burst, total_active_users=cap
        )
        self.version += 1
        answer = self.run(
            self.calls.update_line(
                self.rooms[who].ref, self.version, self.settings.times_ms, self.settings.terms
            )
        )
        require(answer.code is Code.OK, "settings change at any time", answer)
        self.model.bucket.change(rate, burst, answer.now_ms)
        # Whoever is inside stays inside when the cap is lowered.
        self.model.cap = cap

    @rule(free=st.integers(0, 6) | st.just(30), held=st.integers(0, 5))
    def stock_changes(self, free: int, held: int) -> None:
        fields = ("free", free, "held", held)
        self.run(self.executor.command("HSET", keys.sale(self.ref.uid), *fields))
        self.model.free, self.model.held = free, held

    # what breaks

    @rule()
    def workers_restart(self) -> None:
        self._staff()
        for room in self.rooms:
            self._stepped(self.run(room.tick()))

    @precondition(lambda self: self.rooms[0]._document is not None)
    @rule(who=worker)
    def store_is_lost(self, who: int) -> None:
        """What a worker saw last is the checkpoint; what came after it is gone."""
        self.run(self._rebuild(self.rooms[who]))

    async def _rebuild(self, room: Room) -> None:
        if room._document is None:
            self._stepped(await room.tick())
        seen, uid = room.document, self.ref.uid
        taken = line_checkpoint(uid, self.ref.epoch, seen.now_ms, seen.line)
        start = msgspec.msgpack.decode(taken.body, type=LineCheckpoint)
        stopped = self.model.stopped_ms > 0
        start = replace(start, ceiling=self.ceilings.committed.get(uid, 0), stopped=stopped)
        await self.executor.command("DEL", *(f"hf:{{{uid}}}:{name}" for name in KEYS))
        self.ref = SaleRef(uid, self.ref.epoch + 1)
        await self.calls.install_line(self.ref, self.settings.terms, start)
        prequeue, opens, _ = self.settings.times_ms
        done = await SaleCalls(self.executor).install(
            self.ref,
            name="model",
            lifecycle="paused" if stopped else "live",
            settings_version=self.version,
            times=SaleTimes(prequeue, opens),
            stock={"free": self.model.free, "held": self.model.held, "booked": 0, "blocked": 0},
            clock_ms=seen.now_ms,
            rebuilt=True,
        )
        require(done is not None, "installed")
        now_ms = await self._clock()
        self.model.rebuilt(seen.line, now_ms)
        self._staff()
        for one in self.rooms:
            self._stepped(await one.tick())
        require(self.rooms[0].document.revision >= first_revision(self.ref.epoch), "news is newer")

    # what everybody sees

    @invariant()
    def shown_positions_never_rise(self) -> None:
        if not hasattr(self, "model"):
            return
        for room in self.rooms:
            if room._document is None:
                continue
            for ticket in self.tickets[:3] + self.tickets[-5:]:
                view = room.view(ticket)
                if view.users_ahead is None:
                    continue
                revision, ahead = self.shown.get(ticket.id, (0, view.users_ahead))
                same_epoch = revision >= first_revision(self.ref.epoch)
                if view.document.revision >= revision:
                    require(
                        not same_epoch or view.users_ahead <= ahead,
                        "a shown position never rises",
                    )
                    self.shown[ticket.id] = view.document.revision, view.users_ahead

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.run(self._settle())
        self.loop.close()

    async def _settle(self) -> None:
        """Nobody comes any more: whoever was called and did not come has lapsed, exactly."""
        try:
            await self._change("resume", self.rooms[0])
            await self.calls.change_lifecycle(self.rooms[0].ref, "close")
            for _ in range(4):
                await self._after(4_500, self.rooms[0])
            line = self.rooms[0].document.line
            require(line.outstanding == 0, "everybody called came or lapsed", line)
            if self.ref.epoch == 1:
                absent = len(self.model.called.keys() - self.model.passes.keys())
                require(line.lapsed == absent, "lapses are counted exactly", line.lapsed, absent)
        finally:
            await self.executor.__aexit__(None, None, None)


KEYS = ("sale", "line", "active", "unheld", "calls", "shown", "deferred")


def _ordinal(ticket: Ticket) -> int:
    """The number of a place in a sale whose order is that of arrival."""
    if ticket.number is not None:
        return ticket.number
    assert ticket.lobby_index is not None
    return ticket.lobby_index + 1


def test_line_keeps_its_promises(store_url: str) -> None:
    Restless.store_url = store_url
    Restless.scripts = load_bundle(overlay={"clock": TEST_LUA / "still_clock.lua"})
    run_state_machine_as_test(
        Restless,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
