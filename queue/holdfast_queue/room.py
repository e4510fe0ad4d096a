"""The waiting room of one sale, as one process runs it.

A room keeps no visitor. It has the sale's settings, the latest status document, and the means to
ask the store; tickets carry everything else. So a poll and a visitor's own view are answered from
memory, a join costs its share of a block, and only a claim is a store call of its own.

Invariants: whoever is told to wait can still be called; the same ticket gets the same admission as
long as its session lives; a claim that cannot succeed by the newest document (with `_AHEAD`
numbers of allowance, since other workers may be a step ahead) does not reach the store.
"""

from dataclasses import replace
from typing import Final

from holdfast_lua.codes import Code
from holdfast_lua.errors import StoreUnavailable
from holdfast_lua.guard import SaleRef
from holdfast_lua.line_calls import Advanced, Answer, LifecycleChanged
from holdfast_lua.line_status import DrawState
from holdfast_queue.brand import Brand
from holdfast_queue.desk import FrontDesk
from holdfast_queue.draw import Draw, own_nonce
from holdfast_queue.estimate import Wait, estimate_wait
from holdfast_queue.identities import (
    Bound,
    Identity,
    IdentityMode,
    IdentityPlaces,
    identity_ticket_id,
)
from holdfast_queue.joins import JoinCollector, Place
from holdfast_queue.limits import limit_join
from holdfast_queue.lobby import Lobby
from holdfast_queue.passes import Pass
from holdfast_queue.presence import Presence
from holdfast_queue.refresh import interval_seconds
from holdfast_queue.refusals import refusal
from holdfast_queue.settings import LineSettings
from holdfast_queue.status import SaleState, StatusDocument, make_document
from holdfast_queue.tickets import Ticket
from holdfast_queue.views import Admission, ComeAgain, Entry, View, VisitorState
from holdfast_web.channels import sorted_channels
from holdfast_web.credentials import PassClaims
from holdfast_web.errors import ErrorCode, HoldfastError

_AHEAD: Final = 200
_ADMITTED: Final = frozenset({Code.ADMITTED, Code.ADMITTED_BEFORE, Code.ADMITTED_AT_JOIN})
_NOT_CALLED_RETRY_SECONDS: Final = 2.0
_STOPPED_RETRY_SECONDS: Final = 5.0
_MOVING: Final = frozenset({SaleState.OPEN, SaleState.DRAINING})


class Room:
    """One sale's waiting room."""

    def __init__(
        self,
        name: str,
        ref: SaleRef,
        settings: LineSettings,
        desk: FrontDesk,
        *,
        brand: Brand | None = None,
        draw: Draw | None = None,
    ) -> None:
        self.name = name
        self.ref = ref
        self.settings = settings
        self.brand = brand or Brand()
        self.lobby = Lobby(ref, desk, draw)
        self._desk = desk
        self._document: StatusDocument | None = None
        self._joins = JoinCollector(desk.calls, ref, desk.raise_ceiling, self._is_quiet)
        self._identities = IdentityPlaces(desk.calls, ref)
        self._presence = Presence(desk.calls, ref)

    @property
    def uid(self) -> str:
        return self.ref.uid

    @property
    def document(self) -> StatusDocument:
        """The latest status; StoreUnavailable when the line has not been seen yet."""
        if self._document is None:
            raise StoreUnavailable(f"the line of {self.name} has not been read yet")
        return self._document

    def apply(self, settings: LineSettings, brand: Brand | None = None) -> None:
        """Takes over settings that are in force in the store already."""
        self.settings = settings
        self.brand = brand or self.brand

    async def tick(self) -> Advanced:
        """Moves the line on and makes the next status document."""
        advanced = await self._desk.calls.advance_line(self.ref)
        known = self._document
        # Replies may overtake each other; a document never goes back.
        if known is None or advanced.revision >= known.revision:
            self._document = make_document(
                self.name, self.settings, advanced, self.lobby.facts(advanced.status), known
            )
            self.lobby.look(advanced.status)
            noted = self._presence.turn(advanced.status, advanced.now_ms)
            if noted is not None:
                await self._presence.report(noted)
        return advanced

    def read_ticket(self, token: str) -> Ticket | None:
        """The ticket behind `token` if it is one of this sale."""
        ticket = self._desk.tickets.read(token)
        return ticket if ticket is not None and ticket.uid == self.uid else None

    async def join(
        self,
        token: str | None = None,
        nonce: str | None = None,
        *,
        address: str | None = None,
        identity: Identity | None = None,
    ) -> Entry:
        """A place; the one that `token` or `identity` stands for as long as it is live.

        Where the sale requires an identity, only a place that is live already does without.

        `address` is that of the client, for the sale's limit on joins.
        """
        held = self.read_ticket(token) if token else None
        if token and held is not None:
            state = await self._state_of(held)
            if state is not None:
                return Entry(token, held, state, again=True)
        if identity is None and self.settings.identity is IdentityMode.REQUIRED:
            raise HoldfastError(ErrorCode.IDENTITY_REQUIRED)
        await limit_join(self._desk.calls, self.ref, self.settings, address)
        if identity is not None:
            return await self._join_as(identity, nonce)
        return self._entry(await self._joins.join(self._nonce(nonce)))

    async def _join_as(self, identity: Identity, nonce: str | None) -> Entry:
        """The place of an identity: the one it has, or its next."""
        seen = await self._identities.find(identity.subject)
        known = None if seen is None else await self._entry_again(identity, seen)
        if known is not None:
            return known
        turn = 0 if seen is None else seen.turn + 1
        ticket_id = identity_ticket_id(self.uid, identity.subject, turn)
        place = await self._joins.join(self._nonce(nonce), ticket_id)
        mine = Bound(place.ordinal, turn)
        bound = await self._identities.bind(identity.subject, seen, mine)
        known = None if bound == mine else await self._entry_again(identity, bound)
        return known or self._entry(place, identity.channels)

    async def _entry_again(self, identity: Identity, bound: Bound) -> Entry | None:
        """The ticket that the identity had for this place; None when it is worth nothing."""
        line = self.document.line
        numbered = line.frozen and bound.ordinal > line.lobby
        ticket = Ticket(
            uid=self.uid,
            epoch=self.ref.epoch,
            id=identity_ticket_id(self.uid, identity.subject, bound.turn),
            number=bound.ordinal if numbered else None,
            lobby_index=None if numbered else bound.ordinal - 1,
            issued_at_s=self.document.now_ms // 1000,
            channels=identity.channels,
        )
        state = await self._state_of(ticket)
        if state is None:
            return None
        return Entry(self._desk.tickets.make(ticket), ticket, state, again=True)

    def read_identity(self, token: str) -> Identity | None:
        """Whom a storefront has signed for; None when it is no such token."""
        return self._desk.identities.read(token, self.name, self.uid, self.document.now_ms)

    def note_presence(self, ticket: Ticket) -> None:
        """The visitor is still there."""
        number = self.number_of(ticket) if self.document.line.frozen else ticket.ordinal
        if number is not None:
            self._presence.note(number)

    def view(self, ticket: Ticket) -> View:
        """The visitor's place by the newest document; no store call."""
        document = self.document
        line, number = document.line, self.number_of(ticket)
        state = self._state_by(document, number)
        ahead: int | None = None
        if number is not None:
            ahead = max(0, number - line.serving - 1 - line.missing(line.serving, number - 1))
        wait = self._wait(document, ahead, state)
        window_seconds = self.settings.claim_window_ms / 1000
        return View(
            state=state,
            number=number,
            lobby_index=ticket.lobby_index,
            users_ahead=ahead,
            wait=wait,
            refresh_seconds=interval_seconds(_distance(document, wait), window_seconds),
            document=document,
        )

    def number_of(self, ticket: Ticket) -> int | None:
        """A number is on the ticket, or follows from the lobby index once the order is known."""
        return self.lobby.number_of(ticket, self.document.line)

    async def give_beacon(self, value: str) -> None:
        """The value of the beacon that was announced for the draw; it counts once."""
        await self.tick()
        await self.lobby.give_beacon(value, self.document.line)
        await self.tick()

    async def claim(self, ticket: Ticket) -> Admission | ComeAgain:
        """Turns a call into a pass. Raises what ends the way: expired, sold out, closed."""
        number = self.number_of(ticket)
        if number is None or number > self.document.line.serving + _AHEAD:
            return self._still_waiting()
        answer = await self._desk.calls.claim_pass(self.ref, number, ticket.pass_id)
        if answer.code in _ADMITTED:
            again = answer.code is not Code.ADMITTED
            admission = self._admission(
                ticket.pass_id, ticket.subject, answer, again, ticket.channels
            )
            return replace(admission, claimed=answer.code is Code.ADMITTED_BEFORE)
        if answer.code is Code.DEFERRED:
            return ComeAgain(answer.ms / 1000, called=True)
        if answer.code is Code.LINE_STOPPED:
            return ComeAgain(_STOPPED_RETRY_SECONDS, called=True)
        if answer.code is Code.NOT_CALLED:
            return self._still_waiting()
        raise refusal(answer.code)

    async def renew(self, claims: PassClaims) -> Admission:
        """The same pass with a later end."""
        answer = await self._desk.calls.renew_pass(self.ref, claims.pass_id)
        if answer.code is Code.SESSION_OVER and await self._returns(claims):
            answer = await self._desk.calls.renew_pass(self.ref, claims.pass_id)
        if answer.code < 0:
            raise refusal(answer.code)
        channels = sorted_channels(claims.channels)
        return self._admission(claims.pass_id, claims.subject, answer, True, channels)

    async def _returns(self, claims: PassClaims) -> bool:
        """Whether the pass is of an epoch that the store has lost: it is good until it expires."""
        if not 0 < claims.epoch < self.ref.epoch:
            return False
        expires_ms = claims.expires_at * 1000
        returned = await self._desk.calls.return_pass(self.ref, claims.pass_id, expires_ms)
        return returned is Code.OK

    async def end(self, pass_id: str, reason: str = "released") -> bool:
        """Frees the slot; False when the session was over before."""
        answer = await self._desk.calls.end_pass(self.ref, pass_id, reason)
        return answer.code is Code.OK

    def handoff(self, admission: Admission, origin: str) -> str:
        """What carries the admission to the shop at `origin`."""
        return self._desk.handoffs.issue(admission.granted, origin, admission.now_ms)

    async def exchange(self, token: str, origin: str | None) -> Admission:
        """The pass of a hand-off, once; with an `origin` only of one that is meant for it."""
        handoff = self._desk.handoffs.read(token, origin, self.document.now_ms)
        if handoff is None or handoff.admitted.uid != self.uid:
            raise HoldfastError(ErrorCode.HANDOFF_USED)
        granted = handoff.admitted
        answer = await self._desk.calls.exchange_handoff(
            self.ref, handoff.handoff_id, granted.pass_id
        )
        if answer.code < 0:
            raise refusal(answer.code)
        return self._admission(granted.pass_id, granted.subject, answer, True, granted.channels)

    async def change_lifecycle(self, operation: str) -> LifecycleChanged:
        """open, pause, resume, drain or close; raises when the sale is closed."""
        changed = await self._desk.calls.change_lifecycle(self.ref, operation)
        if changed.code < 0:
            raise refusal(changed.code)
        await self.tick()
        return changed

    async def update(self, settings: LineSettings, settings_version: int) -> None:
        """Brings settings that the ledger has into force; raises when the open cannot be moved."""
        answer = await self._desk.calls.update_line(
            self.ref, settings_version, settings.times_ms, settings.terms
        )
        if answer.code < 0:
            raise refusal(answer.code)
        self.apply(settings)
        await self.tick()

    async def aclose(self) -> None:
        """Waits for the joins and the sealing under way."""
        await self._joins.aclose()
        await self.lobby.settled()

    def _still_waiting(self) -> ComeAgain:
        """Later, unless there is nothing left to wait for."""
        if self.document.state is SaleState.SOLD_OUT:
            raise HoldfastError(ErrorCode.SOLD_OUT)
        if self.document.state is SaleState.CLOSED:
            raise HoldfastError(ErrorCode.SALE_CLOSED)
        return ComeAgain(_NOT_CALLED_RETRY_SECONDS, called=False)

    def _nonce(self, given: str | None) -> str:
        """Everybody who joins before a draw has one; afterwards it would serve no purpose."""
        document = self._document
        settled = document is not None and document.line.draw is DrawState.SEALED
        return "" if self.lobby.draw is None or settled else given or own_nonce()

    def _is_quiet(self) -> bool:
        """Whether those who join now may be admitted in the join itself."""
        document = self._document
        return (
            document is not None and document.state is SaleState.OPEN and document.line.waiting == 0
        )

    def _entry(self, place: Place, channels: tuple[str, ...] = ()) -> Entry:
        ticket = Ticket(
            uid=self.uid,
            epoch=self.ref.epoch,
            id=place.ticket_id,
            number=place.number,
            lobby_index=place.lobby_index,
            issued_at_s=place.now_ms // 1000,
            channels=channels,
        )
        token = self._desk.tickets.make(ticket)
        if place.session_ms is not None:
            answer = Answer(Code.ADMITTED, place.now_ms, place.session_ms)
            admission = self._admission(ticket.pass_id, ticket.subject, answer, False, channels)
            return Entry(token, ticket, VisitorState.ADMITTED, again=False, admission=admission)
        state = VisitorState.LOBBY if place.number is None else VisitorState.WAITING
        return Entry(token, ticket, state, again=False)

    async def _state_of(self, ticket: Ticket) -> VisitorState | None:
        """What a shown ticket is still worth; None when nothing."""
        document, number = self.document, self.number_of(ticket)
        state = self._state_by(document, number)
        if number is None or state is not VisitorState.CALLED:
            return state
        answer = await self._desk.calls.check_place(self.ref, number, ticket.pass_id)
        if answer.code is Code.ADMITTED_BEFORE:
            return VisitorState.ADMITTED
        return None if answer.code is Code.CALL_EXPIRED else state

    def _state_by(self, document: StatusDocument, number: int | None) -> VisitorState:
        if number is None:
            return VisitorState.LOBBY
        called = number <= document.line.serving
        return VisitorState.CALLED if called else VisitorState.WAITING

    def _wait(
        self, document: StatusDocument, ahead: int | None, state: VisitorState
    ) -> Wait | None:
        if ahead is None or document.state not in _MOVING:
            return None
        if state is VisitorState.CALLED:
            return Wait(0, 0)
        return estimate_wait(ahead, document.line, document.now_ms)

    def _admission(
        self, pass_id: str, subject: str, answer: Answer, again: bool, channels: tuple[str, ...]
    ) -> Admission:
        granted = Pass(self.name, self.uid, self.ref.epoch, pass_id, subject, answer.ms, channels)
        token = self._desk.passes.issue(granted, answer.now_ms)
        return Admission(granted, token, answer.now_ms, again)


def _distance(document: StatusDocument, wait: Wait | None) -> float | None:
    """Seconds until something may happen to the visitor: the open, the draw, or the call."""
    if document.line.frozen and document.line.draw is DrawState.TO_COME:
        return 0.0
    if wait is None and not document.line.frozen and document.line.opens_ms:
        return max(0.0, (document.line.opens_ms - document.now_ms) / 1000)
    return None if wait is None else float(wait.p50)
