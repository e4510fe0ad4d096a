"""A visitor in the waiting room: joins, polls as the page does, answers the call or does not.

The shared status document says how far the line is; the position shown is computed from it, so a
poll is that document, with an ETag. The visitor's own view is asked now and then. Documents older
than the last one accepted are dropped. What the page promises is checked on the way: within the
order of revisions a shown position never rises, and a repeated claim is the same admission.
"""

from __future__ import annotations

from typing import Final

from holdfast_loadtest.audit.journal import Admitted, Joined, digest
from holdfast_loadtest.crowd.context import CrowdContext, GaveUp
from holdfast_loadtest.crowd.page import (
    CLAIMABLE,
    LAPSED,
    MIN_POLL_SECONDS,
    OVER,
    VIEW_EVERY_POLLS,
    ShownPosition,
    poll_seconds,
    users_ahead,
)
from holdfast_loadtest.crowd.profiles import VisitorProfile
from holdfast_loadtest.crowd.tally import VisitorState
from holdfast_loadtest.wire import Pass, Status, Ticket, View

NEVER_RISES: Final = "a shown position never rises"
SAME_PLACE: Final = "a reloaded page has the same place"
SAME_ADMISSION: Final = "claiming again is the same admission"
NOT_OPEN_PAUSE_SECONDS: Final = 1.0
RELOAD_EVERY_POLLS: Final = 10
MAX_JOINS: Final = 3
MAX_CLAIMS: Final = 200


class Gone(Exception):
    """The visit ends here; `state` says how."""

    def __init__(self, state: VisitorState) -> None:
        super().__init__(state.value)
        self.state = state


class Visitor:
    """One visitor's time in the line; `wait` answers the pass, or raises `Gone`."""

    def __init__(
        self, profile: VisitorProfile, context: CrowdContext, return_url: str | None = None
    ) -> None:
        self._profile = profile
        self._context = context
        self._return_url = return_url
        self._shown = ShownPosition()
        self._polls = profile.index % VIEW_EVERY_POLLS
        self.number: int | None = None

    def _now(self) -> float:
        return self._context.scheduler.now()

    async def wait(self) -> Pass:
        """Joins and waits until there is a pass."""
        passed: Pass | None
        for _ in range(MAX_JOINS):
            ticket = await self._join()
            if ticket.token is not None:
                passed = Pass(ticket.token, ticket.pass_id or "", redirect_to=ticket.redirect_to)
                return await self._welcome(ticket.ticket, passed)
            passed = await self._stand_in_line(ticket.ticket)
            if passed is not None:
                return passed
            self._context.tally.count("joined again")
        raise Gone(VisitorState.NO_SHOW)

    async def _join(self) -> Ticket:
        while True:
            sent = self._now()
            answer = await self._context.persist(
                lambda: self._context.line.join(return_url=self._return_url)
            )
            if answer.ok:
                return self._joined(answer.read(Ticket), sent)
            match answer.problem().code:
                case "not_open":
                    await self._context.scheduler.sleep(NOT_OPEN_PAUSE_SECONDS)
                case "sold_out":
                    raise Gone(VisitorState.SOLD_OUT)
                case "draining" | "sale_closed" | "join_refused":
                    raise Gone(VisitorState.TURNED_AWAY)
                case _:
                    self._context.unexpected("join", answer)
                    raise Gone(VisitorState.FAILED)

    def _joined(self, ticket: Ticket, sent: float) -> Ticket:
        self.number = ticket.number
        self._shown.ahead = None
        if ticket.number is not None:
            self._context.journal.record(Joined(ticket.number, sent, self._now()))
        self._context.tally.count("joined")
        self._context.observer.joined(self._profile.index, ticket.number)
        return ticket

    async def _stand_in_line(self, ticket: str) -> Pass | None:
        """Polls until called; None when the call lapsed before it was answered."""
        started = self._now()
        while True:
            status = await self._poll()
            if self._wants_view() and not await self._read_view(ticket):
                return None
            if self.number is not None and self.number <= status.serving:
                self._context.observer.called(self._profile.index)
                if not self._profile.shows_up:
                    raise Gone(VisitorState.NO_SHOW)
                if status.state in CLAIMABLE:
                    return await self._claim(ticket)
            ahead = self._shown.ahead
            self._context.observer.polled(self._profile.index, ahead)
            pause = poll_seconds(status, ahead, self._profile)
            limit = self._profile.quits_line_after_s
            if limit is not None and self._now() - started + pause > limit:
                raise Gone(VisitorState.QUIT)
            await self._context.scheduler.sleep(pause)
            if self._profile.impatient and self._polls % RELOAD_EVERY_POLLS == 0:
                ticket = await self._reload_in_line(ticket)

    async def _reload_in_line(self, ticket: str) -> str:
        """The page is loaded again and joins with the ticket it has kept; answers the ticket to go
        on with, which is another one only when the place had lapsed meanwhile.
        """
        await self._context.persist(self._context.line.page)
        sent = self._now()
        answer = await self._context.persist(lambda: self._context.line.join(ticket))
        self._context.tally.count("reloaded in line")
        self._shown.etag = None
        if not answer.ok:
            return ticket
        again, known = answer.read(Ticket), self.number
        if answer.status == 200 and known is not None and again.number not in {None, known}:
            evidence = f"number {known}, then {again.number}"
            self._context.journal.complain(SAME_PLACE, evidence)
        if answer.status == 201:
            self._joined(again, sent)
        return again.ticket

    async def _poll(self) -> Status:
        """Reads the status document; answers the newest one accepted so far."""
        answer = await self._context.persist(lambda: self._context.line.status(self._shown.etag))
        if answer.status == 200:
            self._shown.etag = answer.etag
            self._look_at(answer.read(Status))
        elif answer.status != 304:
            self._context.unexpected("status", answer)
        status = self._shown.status
        if status is None:
            raise Gone(VisitorState.FAILED)
        if status.state in OVER:
            raise Gone(
                VisitorState.SOLD_OUT if status.state == "sold_out" else VisitorState.TURNED_AWAY
            )
        return status

    def _look_at(self, status: Status) -> None:
        if not self._shown.accept(status):
            self._context.tally.count("older document dropped")
            return
        if self.number is not None:
            self._show(users_ahead(self.number, status), status.revision)

    def _show(self, ahead: int, revision: int) -> None:
        shown = self._shown.ahead
        if shown is not None and ahead > shown:
            self._context.journal.complain(
                NEVER_RISES, f"number {self.number}: {shown} ahead, then {ahead} at {revision}"
            )
        self._shown.ahead = ahead

    def _wants_view(self) -> bool:
        """The own view is asked for a number still unknown, and seldom otherwise."""
        self._polls += 1
        return self.number is None or self._polls % VIEW_EVERY_POLLS == 0

    async def _read_view(self, ticket: str) -> bool:
        """False when the call has lapsed."""
        answer = await self._context.persist(lambda: self._context.line.view(ticket))
        if answer.status == 410:
            return False
        if not answer.ok:
            self._context.unexpected("view", answer)
            raise Gone(VisitorState.FAILED)
        view = answer.read(View)
        self.number = view.number
        estimate = view.estimated_wait_seconds
        if estimate is not None and not view.called:
            self._context.observer.estimated(self._profile.index, estimate.p50)
        if view.called and view.users_ahead:
            self._context.journal.complain("nobody is ahead of the called", f"number {view.number}")
        return view.state not in LAPSED

    async def _claim(self, ticket: str) -> Pass | None:
        for _ in range(MAX_CLAIMS):
            answer = await self._context.persist(
                lambda: self._context.line.claim(ticket, self._return_url)
            )
            match answer.status:
                case 200 | 201:
                    return await self._welcome(ticket, answer.read(Pass))
                case 202:
                    self._context.tally.count("asked to wait at the door")
                    await self._context.scheduler.sleep(answer.retry_after or MIN_POLL_SECONDS)
                case 410:
                    return None
                case 409 if answer.problem().code == "sold_out":
                    raise Gone(VisitorState.SOLD_OUT)
                case 409 if answer.problem().code == "sale_closed":
                    raise Gone(VisitorState.TURNED_AWAY)
                case _:
                    self._context.unexpected("claim", answer)
                    raise Gone(VisitorState.FAILED)
        raise GaveUp(was_answered=True)

    async def _welcome(self, ticket: str, passed: Pass) -> Pass:
        self._context.tally.admitted()
        self._context.observer.admitted(self._profile.index)
        self._context.journal.record(Admitted(digest(ticket), passed.pass_id, self.number))
        if self._profile.reloads:
            await self._reload(ticket, passed)
        return passed

    async def _reload(self, ticket: str, passed: Pass) -> None:
        """The page is loaded again and claims again: it must be the very same pass, unless the
        session could have ended meanwhile, which nobody who has held nothing is kept from.
        """
        admitted = self._now()
        answer = await self._context.persist(lambda: self._context.line.claim(ticket))
        over = self._now() - admitted >= self._context.offer.first_hold_seconds
        if answer.status == 410 and over:
            return
        again = answer.read(Pass).pass_id if answer.status in {200, 201} else None
        if again != passed.pass_id:
            told = f"{answer.status} {answer.problem().code} pass {again}"
            self._context.journal.complain(SAME_ADMISSION, f"pass {passed.pass_id}, then {told}")
