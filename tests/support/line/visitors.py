"""What visitors do in the stories of the line's model: they join, claim, leave and come back."""

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from support.line.model_run import LEG_MS, Stage, ordinal, worker
from support.line.records import require

from holdfast_lua import SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_queue.line.results import JoinResult
from holdfast_queue.line.room import Room
from holdfast_queue.tokens.tickets import Ticket, derive_pass_id, new_ticket_id
from holdfast_web.errors import ErrorCode

_REFUSED = {Code.LINE_SOLD_OUT: ErrorCode.SOLD_OUT, Code.DRAINING: ErrorCode.DRAINING}


class Visitors(Stage):
    """Whoever stands in line, and whoever is inside."""

    @rule(who=worker, other=worker, counts=st.tuples(st.integers(1, 6), st.integers(0, 3)))
    def join(self, who: int, other: int, counts: tuple[int, int]) -> None:
        refused = self.model.join_refused()
        at = [self.rooms[who]] * counts[0] + [self.rooms[other]] * counts[1]
        answers = self.run(self._join(at))
        if refused is not None:
            codes = {getattr(answer, "code", answer) for answer in answers}
            require(codes == {_REFUSED[refused]}, "nobody joins who may not", codes, refused)
            return
        entries = [answer for answer in answers if isinstance(answer, JoinResult)]
        require(len(entries) == len(answers), "everybody else joins", answers)
        for entry in sorted(entries, key=lambda entry: ordinal(entry.ticket)):
            admission = entry.admission
            pass_id = None if admission is None else admission.granted.pass_id
            self.model.joined(ordinal(entry.ticket), pass_id)
            self.tickets.append(entry.ticket)

    async def _join(self, rooms: list[Room]) -> list[JoinResult | BaseException]:
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
        ceiling = self.ceilings.committed[self.ref.uid]
        cut = min(count, ceiling - self.model.issued)
        refused, (least, most) = self.model.join_refused(), self.model.straight_in(cut)
        joined = self.run(self.calls.join_line(self.rooms[who].ref, count, ceiling, passes))
        if joined.code is Code.CEILING_REACHED:
            require(self.model.issued == ceiling, "numbers that are promised are given", joined)
            return
        if refused is not None:
            require(joined.code is refused, "nobody joins who may not", joined, refused)
            return
        require(least <= joined.admitted <= most, "a quiet sale lets in", joined, least, most)
        require(joined.count == cut, "a batch is cut at the ceiling", joined, cut)
        for at in range(joined.count):
            number = joined.first + at + (joined.code is Code.JOINED_LOBBY)
            self.model.joined(number, passes[at] if at < joined.admitted else None)
            self.tickets.append(Ticket(self.ref.uid, self.ref.epoch, ids[at], number, None, 0))

    # claiming

    @precondition(lambda self: self.tickets)
    @rule(who=worker, data=st.data(), only_asks=st.booleans())
    def claim(self, who: int, data: st.DataObject, only_asks: bool) -> None:
        """Somebody near the front, now and then somebody from long ago."""
        front = [t for t in self.tickets if abs(ordinal(t) - self.model.serving) <= 6]
        ticket = data.draw(st.sampled_from(front or self.tickets))
        if only_asks:
            self.run(self._ask(self.rooms[who], ticket))
        self.run(self._claim(self.rooms[who], ticket))

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
        called = [t for t in self.tickets if ordinal(t) <= self.model.serving][-12:]
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

    # inside

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
            told = renewed.ms, renewed.limit_ms
            same = wanted is not Code.OK or told == (
                model.sessions[pass_id],
                model.limit_ms(pass_id),
            )
            require(renewed.code is wanted and same, "a live session is renewed", renewed)
        elif pass_id not in [one for _, one in model.given]:
            wanted = model.come_back(pass_id, until_ms)
            returned = await self.calls.return_pass(ref, pass_id, until_ms)
            require(returned is wanted, "a pass outlives a lost store once", pass_id)
