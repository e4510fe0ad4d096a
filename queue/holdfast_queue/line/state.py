"""The state of one sale's line, as one process knows it; every part of a room reads it.

There is one `LineState` for each sale and process. It holds the sale's settings and the newest
status document, and finds the number of a ticket by it; only ticks update it. Joining,
claiming and positions are modules of their own that read it, so none of them needs another.

Invariant: a document never goes back, though the replies it is made from may overtake each other.
"""

from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import Advanced
from holdfast_lua.calls.line_status import DrawState
from holdfast_lua.errors import StoreUnavailable
from holdfast_queue.draw.commitment import Draw
from holdfast_queue.line.lobby import Lobby
from holdfast_queue.line.positions import Positions
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.line.settings import LineSettings
from holdfast_queue.line.status import SaleState, StatusDocument, make_document
from holdfast_queue.tokens.tickets import Ticket


class LineState:
    """The settings and the newest status of one line."""

    def __init__(
        self,
        name: str,
        ref: SaleRef,
        settings: LineSettings,
        services: RoomServices,
        draw: Draw | None,
    ) -> None:
        self.name = name
        self.ref = ref
        self.settings = settings
        self.services = services
        self.lobby = Lobby(ref, services, draw)
        self.known: StatusDocument | None = None
        self._positions: Positions | None = None

    @property
    def document(self) -> StatusDocument:
        """The latest status; StoreUnavailable when the line has not been seen yet."""
        if self.known is None:
            raise StoreUnavailable(f"the line of {self.name} has not been read yet")
        return self.known

    @property
    def positions(self) -> Positions:
        """Visitors' places by the latest status; StoreUnavailable as for the document."""
        if self._positions is None:
            raise StoreUnavailable(f"the line of {self.name} has not been read yet")
        return self._positions

    def update(self, advanced: Advanced) -> bool:
        """Makes the next document from a reply; False when a later one is known already."""
        known = self.known
        if known is not None and advanced.revision < known.revision:
            return False
        facts = self.lobby.facts(advanced.status)
        self.known = make_document(self.name, self.settings, advanced, facts, known)
        self._positions = Positions(self.known, self.settings.claim_window_ms / 1000)
        return True

    def read_ticket(self, token: str) -> Ticket | None:
        """The ticket behind `token` if it is one of this sale."""
        ticket = self.services.tickets.read(token)
        return ticket if ticket is not None and ticket.uid == self.ref.uid else None

    def number_of(self, ticket: Ticket) -> int | None:
        """The number of a ticket, its own or that of its lobby index; None while none is fixed."""
        return self.lobby.number_of(ticket, self.document.line)

    def is_quiet(self) -> bool:
        """Whether those who join now may be admitted in the join itself."""
        known = self.known
        return known is not None and known.state is SaleState.OPEN and known.line.waiting == 0

    def awaits_draw(self) -> bool:
        """Whether a draw is to come, in which the nonce of a join can take part."""
        settled = self.known is not None and self.known.line.draw is DrawState.SEALED
        return self.lobby.draw is not None and not settled
