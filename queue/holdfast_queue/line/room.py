"""The waiting room of one sale, as one process runs it.

A room keeps no visitor. It has the sale's settings, the latest status document, and the means to
ask the store; tickets carry everything else. So a poll and a visitor's own view are answered from
memory, a join costs its share of a batch, and only a claim is a store call of its own.

This is the room's face and its operator's side; each part that visitors meet is a module of its
own: joining (join), looking (positions, presence), claiming (claim). They share the state
of the line, which only `tick` moves on.
"""

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import Advanced, LifecycleChanged
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
        self.unnamed_proxy_told = False
        self._services = services
        self._line_state = LineState(name, ref, settings, services, draw)
        self._presence = Presence(services.calls, ref)
        self._claim_service = ClaimService(self._line_state)
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

    # what moves it on

    async def tick(self) -> Advanced:
        """Moves the line on and makes the next status document."""
        advanced = await self._services.calls.advance_line(self.ref)
        if self._line_state.take(advanced):
            self.lobby.look(advanced.status, advanced.now_ms)
            noted = self._presence.turn(advanced.status, advanced.now_ms)
            if noted is not None:
                await self._presence.report(noted)
        return advanced

    async def aclose(self) -> None:
        """Waits for the joins and the sealing under way."""
        await self._join_service.aclose()
        await self.lobby.settled()

    # what visitors ask

    def read_ticket(self, token: str) -> Ticket | None:
        """The ticket behind `token` if it is one of this sale."""
        return self._line_state.read_ticket(token)

    def read_identity(self, token: str) -> Identity | None:
        """Whom a storefront has signed for; None when it is no such token."""
        return self._join_service.read_identity(token)

    async def join(
        self,
        token: str | None = None,
        nonce: str | None = None,
        *,
        address: str | None = None,
        identity: Identity | None = None,
    ) -> JoinResult:
        """A place, or the one that is live already; see JoinService.join."""
        return await self._join_service.join(token, nonce, address, identity)

    def number_of(self, ticket: Ticket) -> int | None:
        """A number is on the ticket, or follows from the lobby index once the order is known."""
        return self._line_state.number_of(ticket)

    def view(self, ticket: Ticket) -> VisitorView:
        """The visitor's place by the newest document; no store call."""
        positions = self._line_state.positions
        return positions.view(ticket, self.lobby.number_of(ticket, positions.line))

    def visit(self, ticket: Ticket) -> VisitorView:
        """The same for a visitor who asks: they are still there."""
        positions = self._line_state.positions
        number = self._line_state.lobby.number_of(ticket, positions.line)
        ordinal = number if positions.line.frozen else ticket.ordinal
        if ordinal is not None:
            self._presence.note(ordinal)
        return positions.view(ticket, number)

    async def claim(self, ticket: Ticket) -> Admission | RetryLater:
        """Turns a call into a pass. Raises what ends the way: expired, sold out, closed."""
        return await self._claim_service.claim(ticket)

    # what becomes of a pass

    async def renew(self, claims: PassClaims) -> Admission:
        """The same pass with a later end."""
        return await self._claim_service.renew(claims)

    async def end(self, pass_id: str, reason: str = "released") -> bool:
        """Frees the slot; False when the session was over before."""
        return await self._claim_service.end(pass_id, reason)

    def handoff(self, admission: Admission, origin: str) -> str:
        """What carries the admission to the shop at `origin`."""
        return self._claim_service.handoff(admission, origin)

    async def exchange(self, token: str, origin: str | None) -> Admission:
        """The pass of a hand-off, once; with an `origin` only of one that is meant for it."""
        return await self._claim_service.exchange(token, origin)

    # what the operator does

    def apply(self, settings: LineSettings, brand: Brand | None = None) -> None:
        """Takes over settings that are in force in the store already."""
        self._line_state.settings = settings
        self.brand = brand or self.brand

    async def update(self, settings: LineSettings, settings_version: int) -> bool:
        """Brings settings that the ledger has into force; raises when the open cannot be moved.

        False when later ones are in force already: nothing has changed then.
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
        """open, pause, resume, drain or close; raises when the sale is closed."""
        changed = await self._services.calls.change_lifecycle(self.ref, operation)
        if changed.code < 0:
            raise refusal(changed.code)
        await self.tick()
        return changed

    async def give_beacon(self, value: str) -> None:
        """The value of the beacon that was announced for the draw; it counts once."""
        await self.tick()
        await self.lobby.give_beacon(value, self.document.line, self.document.now_ms)
        await self.tick()
