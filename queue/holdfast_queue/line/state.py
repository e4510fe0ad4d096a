"""How one sale's line stands, as this process knows it: what every part of a room looks at.

There is one `LineState` for each sale and process. It holds the sale's settings and the newest
status document, and knows which number a ticket has by it; the ticker alone moves it on. Joining,
claiming and looking are modules of their own that read it, so none of them needs another.

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
    """One sale's line, seen from one process."""

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
        """What the latest status means to each visitor; StoreUnavailable as for the document."""
        if self._positions is None:
            raise StoreUnavailable(f"the line of {self.name} has not been read yet")
        return self._positions

    def take(self, advanced: Advanced) -> bool:
        """Makes the next document; False when a later one is there already."""
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
        """A number is on the ticket, or follows from the lobby index once the order is known."""
        return self.lobby.number_of(ticket, self.document.line)

    def is_quiet(self) -> bool:
        """Whether those who join now may be admitted in the join itself."""
        known = self.known
        return known is not None and known.state is SaleState.OPEN and known.line.waiting == 0

    def awaits_draw(self) -> bool:
        """Whether there is a draw to come that a nonce can have a part in."""
        settled = self.known is not None and self.known.line.draw is DrawState.SEALED
        return self.lobby.draw is not None and not settled
