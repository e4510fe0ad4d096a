"""The way in: who joins gets a place, or the one they have.

A shown ticket or a signed identity stands for its place as long as that is live: still in the
lobby, waiting, called, or admitted. What has lapsed or is used up is replaced by a new place.
Invariant: the same ticket is never worth two places, and a place that is live is never replaced.
"""

from holdfast_lua.calls.clock import host_ms
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import Answer
from holdfast_queue.draw.commitment import own_nonce
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
    """Where one sale is joined, in one process."""

    def __init__(
        self, line_state: LineState, claim_service: ClaimService, digests: IdentityDigests
    ) -> None:
        self._line_state = line_state
        self._ref = line_state.ref
        self._services = line_state.services
        self._claim_service = claim_service
        self._joins = JoinBatcher(
            self._services.calls, self._ref, self._services.raise_ceiling, line_state.is_quiet
        )
        self._digests = digests
        self._identities = IdentityPlaces(self._services.calls, self._ref, digests)

    def read_identity(self, token: str) -> Identity | None:
        """Whom a storefront has signed for, by its own clock, so this host's judges it; None when
        it is no such token.
        """
        return self._services.identities.read(
            token, self._line_state.name, self._ref.uid, host_ms()
        )

    async def join(
        self, token: str | None, nonce: str | None, address: str | None, identity: Identity | None
    ) -> JoinResult:
        """A place; the one that `token` or `identity` stands for as long as it is live.

        Where the sale requires an identity, only a place that is live already does without.

        `address` is that of the client, for the sale's limit on joins.
        """
        held = self._line_state.read_ticket(token) if token else None
        if token and held is not None:
            state = await self._worth(held)
            if state is not None:
                return JoinResult(token, held, state, again=True)
        settings = self._line_state.settings
        if identity is None and settings.identity is IdentityMode.REQUIRED:
            raise HoldfastError(ErrorCode.IDENTITY_REQUIRED)
        await limit_join(self._services.calls, self._ref, settings, address)
        if identity is not None:
            return await self._join_as(identity, nonce)
        return self._new_place(await self._joins.join(self._nonce(nonce)))

    async def aclose(self) -> None:
        """Waits for the joins under way."""
        await self._joins.aclose()

    async def _join_as(self, identity: Identity, nonce: str | None) -> JoinResult:
        """The place of an identity: the one it has, or its next."""
        seen = await self._identities.find(identity.subject)
        known = None if seen is None else await self._existing_place(identity, seen)
        if known is not None:
            return known
        turn = 0 if seen is None else seen.turn + 1
        ticket_id = self._digests.ticket_id(identity.subject, turn)
        place = await self._joins.join(self._nonce(nonce), ticket_id)
        mine = BoundPlace(place.ordinal, turn)
        bound = await self._identities.bind(identity.subject, seen, mine)
        known = None if bound == mine else await self._existing_place(identity, bound)
        return known or self._new_place(place, identity)

    async def _existing_place(self, identity: Identity, bound: BoundPlace) -> JoinResult | None:
        """The ticket that the identity had for this place; None when it is worth nothing."""
        document = self._line_state.document
        numbered = document.line.frozen and bound.ordinal > document.line.lobby
        ticket = Ticket(
            uid=self._ref.uid,
            epoch=self._ref.epoch,
            id=self._digests.ticket_id(identity.subject, bound.turn),
            number=bound.ordinal if numbered else None,
            lobby_index=None if numbered else bound.ordinal - 1,
            issued_at_s=document.now_ms // 1000,
            channels=identity.channels,
            buyer=self._digests.buyer(identity.subject),
        )
        state = await self._worth(ticket)
        if state is None:
            return None
        return JoinResult(self._services.tickets.make(ticket), ticket, state, again=True)

    async def _worth(self, ticket: Ticket) -> VisitorState | None:
        """What a shown ticket is still worth; None when nothing."""
        number = self._line_state.number_of(ticket)
        state = state_of(self._line_state.document, number)
        if number is None or state is not VisitorState.CALLED:
            return state
        answer = await self._services.calls.check_place(self._ref, number, ticket.pass_id)
        if answer.code is Code.ADMITTED_BEFORE:
            return VisitorState.ADMITTED
        return None if answer.code is Code.CALL_EXPIRED else state

    def _nonce(self, given: str | None) -> str:
        """Everybody who joins before a draw has one; afterwards it would serve no purpose."""
        return given or own_nonce() if self._line_state.awaits_draw() else ""

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
            answer = Answer(Code.ADMITTED, place.now_ms, place.session_ms, place.limit_ms)
            admission = self._claim_service.admit(ticket, answer, again=False)
            return JoinResult(
                token, ticket, VisitorState.ADMITTED, again=False, admission=admission
            )
        state = VisitorState.LOBBY if place.number is None else VisitorState.WAITING
        return JoinResult(token, ticket, state, again=False)
