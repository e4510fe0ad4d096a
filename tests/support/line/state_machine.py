"""A Hypothesis state machine that runs a sale's line through arbitrary histories.

Visitors join at three workers, come to claim or stay away (visitors.py), the operator turns
every knob, stock comes and goes, workers restart, the service stands still, the store is lost and
rebuilt from a checkpoint. The model (reference.py, steps.py) says beforehand what must
come of each of these. Time is the store's and stands still unless a rule moves it, so every run can
be replayed; some rules move it to the very millisecond of a deadline, or one to either side of it.
"""

import sys
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from support.line.model_run import LEG_MS, worker
from support.line.records import require
from support.line.steps import came, told_right
from support.line.visitors import Visitors
from support.store.event_bodies import event_bodies

from holdfast.sales.store.install import line_checkpoint, read_checkpoint
from holdfast_ledger import Checkpoint
from holdfast_lua import SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.sale import SaleCalls, SaleTimes, first_revision
from holdfast_queue.line.room import Room

KEYS = (
    *("sale", "line", "active", "unheld", "started"),
    *("calls", "shown", "deferred", "asking", "asked"),
)
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
EVENTS = ("pass.issued", "pass.ended", "line.called", "line.lapsed")


class Restless(Visitors):
    """A sale while time passes, operators intervene and visitors come and go."""

    taken: Checkpoint | None = None

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
    def checkpoint_is_taken(self, who: int) -> None:
        """By a worker whose document may be older than what it reads."""
        self.run(self._take(self.rooms[who]))

    async def _take(self, room: Room) -> None:
        if room.known is None:
            await self._tick(room)
        calls = await self.calls.read_calls(room.ref)
        told_right(self.model, calls)
        self.taken = line_checkpoint(self.ref.uid, self.ref.epoch, room.document.line, calls)

    @precondition(lambda self: self.rooms[0].known is not None)
    @rule(who=worker, anew=st.booleans())
    def store_is_lost(self, who: int, anew: bool) -> None:
        """What came after the last checkpoint is gone; it may be of an earlier epoch."""
        if anew or self.taken is None:
            self.run(self._take(self.rooms[who]))
        assert self.taken is not None
        self.run(self._rebuild(self.taken))

    async def _rebuild(self, taken: Checkpoint) -> None:
        uid, model = self.ref.uid, self.model
        start = read_checkpoint(taken.body)
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
            inventory={"free": model.free, "held": model.held, "booked": 0, "blocked": 0},
            clock_ms=taken.taken_ms,
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
        bodies = event_bodies(entries)
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


def _numbers(data: dict[str, int]) -> range:
    return range(data["first"], data["last"] + 1)
