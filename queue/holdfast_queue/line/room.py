"""The waiting room of one sale, as one process runs it.

A room keeps no visitor. It has the sale's settings, the latest status document, and access to the
store; tickets carry everything else. So a poll and a visitor's own view are answered from memory, a
join costs its share of a batch, and only a claim is a store call of its own.

`Room` is what handlers and the operator's side use; each part that visitors meet is a module of its
own: joining (join), positions and presence, claiming (claim). They share the state of the line,
which only `tick` advances.
"""

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import Advanced, LifecycleChanged
from holdfast_lua.calls.line_status import AddressJoins
from holdfast_queue.draw.commitment import Draw
from holdfast_queue.line.brand import Brand
from holdfast_queue.line.claim import ClaimService
from holdfast_queue.line.joining.join import JoinService
from holdfast_queue.line.lobby import Lobby
from holdfast_queue.line.presence import Presence
from holdfast_queue.line.refusals import refusal
from holdfast_queue.line.results import Admission, JoinResult, RetryLater, VisitorView
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.line.settings import LineSettings
from holdfast_queue.line.state import LineState
from holdfast_queue.line.status import StatusDocument
from holdfast_queue.line.visitors.visitor_lookup import VisitorLookup
from holdfast_queue.tokens.identities import Identity, IdentityDigests
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.credentials import PassClaims


class Room:
    """One sale's waiting room."""

    def __init__(
        self,
        name: str,
        ref: SaleRef,
        settings: LineSettings,
        services: RoomServices,
        *,
        brand: Brand | None = None,
        draw: Draw | None = None,
        identity_secret: bytes = b"",
    ) -> None:
        self.name = name
        self.ref = ref
        self.brand = brand or Brand()
        self.untrusted_proxy_logged = False
        self._services = services
        self._line_state = LineState(name, ref, settings, services, draw)
        self._presence = Presence(services.calls, ref)
        self._claim_service = ClaimService(self._line_state)
        self.visitors = VisitorLookup(self._line_state)
        self._join_service = JoinService(
            self._line_state, self._claim_service, IdentityDigests(ref.uid, identity_secret)
        )

    @property
    def uid(self) -> str:
        return self.ref.uid

    @property
    def settings(self) -> LineSettings:
        return self._line_state.settings

    @property
    def lobby(self) -> Lobby:
        return self._line_state.lobby

    @property
    def document(self) -> StatusDocument:
        """The latest status; StoreUnavailable when the line has not been seen yet."""
        return self._line_state.document

    @property
    def known(self) -> StatusDocument | None:
        """The latest status; None when the line has not been seen yet."""
        return self._line_state.known

    # advancing

    async def tick(self) -> Advanced:
        """Advances the line in the store and makes the next status document."""
        advanced = await self._services.calls.advance_line(self.ref)
        if self._line_state.update(advanced):
            self.lobby.seal_when_due(advanced.status, advanced.now_ms)
            ended = self._presence.end_window(advanced.status, advanced.now_ms)
            if ended is not None:
                await self._presence.report(ended)
        return advanced

    async def aclose(self) -> None:
        """Waits until the joins and the sealing that are under way have ended."""
        await self._join_service.aclose()
        await self.lobby.settled()

    # visitors

    def read_ticket(self, token: str) -> Ticket | None:
        """The ticket behind `token` if it is one of this sale."""
        return self._line_state.read_ticket(token)

    def read_identity(self, token: str) -> Identity | None:
        """The identity that a storefront has signed; None when `token` is none for this sale."""
        return self._join_service.read_identity(token)

    async def join(
        self,
        token: str | None = None,
        nonce: str | None = None,
        *,
        address: str | None = None,
        identity: Identity | None = None,
    ) -> JoinResult:
        """The visitor's live place, else a new one; see JoinService.join."""
        return await self._join_service.join(token, nonce, address, identity)

    async def ticket_of(self, subject: str) -> Ticket | None:
        """A ticket of the newest place of an identity; None when it never had one."""
        return await self._join_service.ticket_of(subject)

    async def addresses(self, limit: int) -> list[AddressJoins]:
        """The client addresses that join unusually often, those with the most joins first."""
        return await self._services.calls.read_addresses(self.ref, limit)

    def number_of(self, ticket: Ticket) -> int | None:
        """The number of a ticket; None while none is fixed."""
        return self._line_state.number_of(ticket)

    def view(self, ticket: Ticket) -> VisitorView:
        """The visitor's place by the newest document, without a store call."""
        positions = self._line_state.positions
        return positions.view(ticket, self.lobby.number_of(ticket, positions.line))

    def visit(self, ticket: Ticket) -> VisitorView:
        """The visitor's place, and a note that the visitor is still there."""
        positions = self._line_state.positions
        number = self._line_state.lobby.number_of(ticket, positions.line)
        ordinal = number if positions.line.frozen else ticket.ordinal
        if ordinal is not None:
            self._presence.note(ordinal)
        return positions.view(ticket, number)

    async def claim(self, ticket: Ticket) -> Admission | RetryLater:
        """Admits a visitor who was called; see ClaimService.claim."""
        return await self._claim_service.claim(ticket)

    # passes

    async def renew(self, claims: PassClaims) -> Admission:
        """The admission with a later end."""
        return await self._claim_service.renew(claims)

    async def end(self, pass_id: str, reason: str = "released") -> bool:
        """Ends a session, which frees its slot; False when it was over before."""
        return await self._claim_service.end(pass_id, reason)

    def handoff(self, admission: Admission, origin: str) -> str:
        """A token that carries the admission to the shop at `origin`."""
        return self._claim_service.handoff(admission, origin)

    async def exchange(self, token: str, origin: str | None) -> Admission:
        """Exchanges a hand-off for its admission; see ClaimService.exchange."""
        return await self._claim_service.exchange(token, origin)

    # the operator

    def apply(self, settings: LineSettings, brand: Brand | None = None) -> None:
        """Adopts settings that are in force in the store already."""
        self._line_state.settings = settings
        self.brand = brand or self.brand

    async def update(self, settings: LineSettings, settings_version: int) -> bool:
        """Puts settings that the ledger has into force in the store and here.

        False, without a change, when later ones are in force already. Raises HoldfastError when the
        open cannot be moved any more.
        """
        answer = await self._services.calls.update_line(
            self.ref, settings_version, settings.times_ms, settings.terms
        )
        if answer.code < 0:
            raise refusal(answer.code)
        if answer.code is Code.UNCHANGED:
            return False
        self.apply(settings)
        await self.tick()
        return True

    async def change_lifecycle(self, operation: str) -> LifecycleChanged:
        """Runs one of open, pause, resume, drain and close; raises when the sale is closed."""
        changed = await self._services.calls.change_lifecycle(self.ref, operation)
        if changed.code < 0:
            raise refusal(changed.code)
        await self.tick()
        return changed

    async def give_beacon(self, value: str) -> None:
        """Seals the draw with the value of its announced beacon."""
        await self.tick()
        await self.lobby.give_beacon(value, self.document.line, self.document.now_ms)
        await self.tick()
