"""Joining a sale: a visitor gets a new place, or keeps the one they have.

A shown ticket or a signed identity stands for its place as long as that is live: still in the
lobby, waiting, called, or admitted. A place that has lapsed or is used up is replaced by a new one.
Invariant: the same ticket never has two places, and a place that is live is never replaced.
"""

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line_status import LineAnswer
from holdfast_lua.clock import host_ms
from holdfast_queue.draw.commitment import random_nonce
from holdfast_queue.line.claim import ClaimService
from holdfast_queue.line.joining.join_batch import JoinBatcher, Place
from holdfast_queue.line.joining.join_limits import limit_join
from holdfast_queue.line.positions import state_of
from holdfast_queue.line.results import JoinResult, VisitorState
from holdfast_queue.line.state import LineState
from holdfast_queue.tokens.identities import (
    BoundPlace,
    Identity,
    IdentityDigests,
    IdentityMode,
    IdentityPlaces,
)
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.errors import ErrorCode, HoldfastError


class JoinService:
    """Takes the joins of one sale, in one process."""

    def __init__(
        self, line_state: LineState, claim_service: ClaimService, digests: IdentityDigests
    ) -> None:
        self._line_state = line_state
        self._ref = line_state.ref
        self._services = line_state.services
        self._claim_service = claim_service
        self._joins = JoinBatcher(
            self._services.calls, self._ref, self._services.sales.raise_ceiling, line_state.is_quiet
        )
        self._digests = digests
        self._identities = IdentityPlaces(self._services.calls, self._ref, digests)

    def read_identity(self, token: str) -> Identity | None:
        """The identity that a storefront has signed; None when `token` is none for this sale.

        Storefronts sign by their own clocks, so this host's clock decides whether it is in time.
        """
        return self._services.identities.read(
            token, self._line_state.name, self._ref.uid, host_ms()
        )

    async def join(
        self, token: str | None, nonce: str | None, address: str | None, identity: Identity | None
    ) -> JoinResult:
        """The place that `token` or `identity` stands for as long as it is live, else a new one.

        Where the sale requires an identity, only a live place does without. `address` is the
        client's, for the limit on joins. Raises HoldfastError when the join is refused.
        """
        held = self._line_state.read_ticket(token) if token else None
        if token and held is not None:
            state = await self._live_state(held)
            if state is not None:
                return JoinResult(token, held, state, again=True)
        settings = self._line_state.settings
        if identity is None and settings.identity is IdentityMode.REQUIRED:
            raise HoldfastError(ErrorCode.IDENTITY_REQUIRED)
        await limit_join(self._services.calls, self._ref, settings, address)
        if identity is not None:
            return await self._join_with_identity(identity, nonce)
        return self._new_place(await self._joins.join(self._nonce(nonce)))

    async def aclose(self) -> None:
        """Waits until the joins under way are done."""
        await self._joins.aclose()

    async def _join_with_identity(self, identity: Identity, nonce: str | None) -> JoinResult:
        """The place of an identity: the one it has while that is live, else a new one."""
        seen = await self._identities.find(identity.subject)
        known = None if seen is None else await self._existing_place(identity, seen)
        if known is not None:
            return known
        generation = 0 if seen is None else seen.generation + 1
        ticket_id = self._digests.ticket_id(identity.subject, generation)
        place = await self._joins.join(self._nonce(nonce), ticket_id)
        mine = BoundPlace(place.ordinal, generation)
        bound = await self._identities.bind(identity.subject, seen, mine)
        known = None if bound == mine else await self._existing_place(identity, bound)
        return known or self._new_place(place, identity)

    async def ticket_of(self, subject: str) -> Ticket | None:
        """A ticket of the newest place of an identity, live or not; None when it never had one."""
        bound = await self._identities.find(subject)
        return None if bound is None else self._bound_ticket(Identity(subject), bound)

    def _bound_ticket(self, identity: Identity, bound: BoundPlace) -> Ticket:
        document = self._line_state.document
        numbered = document.line.frozen and bound.ordinal > document.line.lobby
        return Ticket(
            uid=self._ref.uid,
            epoch=self._ref.epoch,
            id=self._digests.ticket_id(identity.subject, bound.generation),
            number=bound.ordinal if numbered else None,
            lobby_index=None if numbered else bound.ordinal - 1,
            issued_at_s=document.now_ms // 1000,
            channels=identity.channels,
            buyer=self._digests.buyer(identity.subject),
        )

    async def _existing_place(self, identity: Identity, bound: BoundPlace) -> JoinResult | None:
        """The place that the identity is bound to, with its ticket; None when it is not live."""
        ticket = self._bound_ticket(identity, bound)
        state = await self._live_state(ticket)
        if state is None:
            return None
        return JoinResult(self._services.tickets.make(ticket), ticket, state, again=True)

    async def _live_state(self, ticket: Ticket) -> VisitorState | None:
        """The state of a ticket whose place is live, else None. Asks the store about a called
        one.
        """
        number = self._line_state.number_of(ticket)
        state = state_of(self._line_state.document, number)
        if number is None or state is not VisitorState.CALLED:
            return state
        answer = await self._services.calls.check_place(self._ref, number, ticket.pass_id)
        if answer.code is Code.ADMITTED_BEFORE:
            return VisitorState.ADMITTED
        return None if answer.code is Code.CALL_EXPIRED else state

    def _nonce(self, sent: str | None) -> str:
        """The nonce for the draw, a random one when none was sent; empty where no draw is to
        come.
        """
        return sent or random_nonce() if self._line_state.awaits_draw() else ""

    def _new_place(self, place: Place, identity: Identity | None = None) -> JoinResult:
        ticket = Ticket(
            uid=self._ref.uid,
            epoch=self._ref.epoch,
            id=place.ticket_id,
            number=place.number,
            lobby_index=place.lobby_index,
            issued_at_s=place.now_ms // 1000,
            channels=() if identity is None else identity.channels,
            buyer="" if identity is None else self._digests.buyer(identity.subject),
        )
        token = self._services.tickets.make(ticket)
        if place.session_ms is not None:
            answer = LineAnswer(Code.ADMITTED, place.now_ms, place.session_ms, place.limit_ms)
            admission = self._claim_service.admit(ticket, answer, again=False)
            return JoinResult(
                token, ticket, VisitorState.ADMITTED, again=False, admission=admission
            )
        state = VisitorState.LOBBY if place.number is None else VisitorState.WAITING
        return JoinResult(token, ticket, state, again=False)
