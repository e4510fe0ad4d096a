"""The lobby of one sale in one process: it gives numbers to tickets, and seals the draw.

Every place has an ordinal, whichever way it is written: lobby index i is place i + 1, number n is
place n. Once the lobby is closed with N places, the places up to N have the numbers that the order
gives them and the later ones keep theirs. That rule has no exception: when a store loss takes back
a freeze, a visitor who was numbered behind the old lobby may be inside the new one, and takes part
in the draw like everybody else there.

Before a number of a drawn lobby is shown, the draw is sealed: lobby size and accumulator (and the
beacon, if one was announced) go into the ledger first, then into the store, which lets the line
move only then. Every process that sees a frozen lobby tries; the first in the ledger decides, the
others adopt its values.

Invariants: the secret leaves this module only for a sealed draw; numbers of a drawn lobby are
computed from the sealed values alone, so all processes agree; sealing happens beside the ticks,
since a slow ledger must not stop other sales.
"""

import asyncio
import logging
from dataclasses import replace

from holdfast_ledger import DrawRecord
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line_status import DrawState, LineStatus
from holdfast_lua.errors import StoreBehind
from holdfast_queue.draw.commitment import AnnouncedStart, Draw, DrawFacts, Sealed
from holdfast_queue.draw.permutation import DrawnOrder, by_arrival
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.tokens.tickets import Ticket
from holdfast_tasks import start_task
from holdfast_web.errors import ErrorCode, HoldfastError

logger = logging.getLogger(__name__)


class Lobby:
    """One sale's lobby. `draw` is None where the order of arrival is kept."""

    def __init__(self, ref: SaleRef, services: RoomServices, draw: Draw | None) -> None:
        self.draw = draw
        self._ref = ref
        self._services = services
        self._drawn: tuple[Sealed, DrawnOrder] | None = None
        self._sealing: asyncio.Task[None] | None = None
        self._mismatch = False

    def number_of(self, ticket: Ticket, line: LineStatus) -> int | None:
        """The visitor's number; None as long as none is fixed."""
        place = ticket.number if ticket.number is not None else (ticket.lobby_index or 0) + 1
        if not line.frozen:
            # Numbered in this epoch: the lobby is closed, only this process has yet to see it.
            numbered = self.draw is None or ticket.epoch == self._ref.epoch
            return ticket.number if numbered else None
        if place > line.lobby:
            return place
        if self.draw is None:
            return by_arrival(place - 1, line.lobby)
        order = self._order(self.draw, line)
        return None if order is None else order.number_of(place - 1)

    def facts(self, line: LineStatus) -> DrawFacts | None:
        """What may be published of the draw; the secret only once it is sealed."""
        draw = self.draw
        if draw is None:
            return None
        facts = DrawFacts(
            draw.algorithm,
            draw.commitment,
            draw.beacon_source,
            _starts_in_force(draw.starts, line),
            entrants=line.lobby if line.frozen else None,
            closed_ms=line.closed_ms,
        )
        sealed = _sealed(line)
        if sealed is None:
            return facts
        return replace(
            facts,
            entrants=sealed.entrants,
            sealed_ms=sealed.sealed_ms,
            secret=draw.secret.hex(),
            accumulator=sealed.accumulator,
            beacon=sealed.beacon,
        )

    def seal_when_due(self, line: LineStatus, now_ms: int) -> None:
        """Starts to seal the draw when all that it needs is known.

        Raises StoreBehind when an earlier attempt found that the store has lost state.
        """
        if self._mismatch:
            self._mismatch = False
            raise StoreBehind(self._ref.uid, seen_revision=self._ref.revision, store_revision=0)
        draw = self.draw
        if draw is None or line.draw is not DrawState.TO_COME or not line.frozen:
            return
        awaits_beacon = draw.beacon_source is not None and line.lobby > 0
        if not awaits_beacon and (self._sealing is None or self._sealing.done()):
            self._sealing = start_task(self._seal_in_background(line, now_ms), name="seal a draw")

    async def give_beacon(self, value: str, line: LineStatus, now_ms: int) -> None:
        """Seals the draw with the value of the announced beacon.

        Raises HoldfastError when no beacon was announced, another value was given before, or the
        lobby is not closed yet.
        """
        draw = self.draw
        if draw is None or draw.beacon_source is None:
            raise HoldfastError(ErrorCode.DRAW_FIXED, "This sale announced no beacon.")
        if not line.frozen:
            raise HoldfastError(ErrorCode.NOT_OPEN, "The beacon is given once the lobby is closed.")
        sealed = _sealed(line)
        if sealed is None:
            sealed = await self._seal(_to_seal(line, now_ms, value))
        if sealed.beacon != value:
            raise HoldfastError(ErrorCode.DRAW_FIXED)

    async def settled(self) -> None:
        """Waits until the sealing under way is done."""
        if self._sealing is not None:
            await asyncio.gather(self._sealing, return_exceptions=True)

    def _order(self, draw: Draw, line: LineStatus) -> DrawnOrder | None:
        sealed = _sealed(line)
        if sealed is None:
            return None
        if self._drawn is None or self._drawn[0] != sealed:
            self._drawn = sealed, draw.order(sealed)
        return self._drawn[1]

    async def _seal_in_background(self, line: LineStatus, now_ms: int) -> None:
        """Seals the draw; a fault is logged, since the next step of the line tries again."""
        try:
            await self._seal(_to_seal(line, now_ms))
        except Exception as fault:
            logger.warning("cannot seal the draw of sale %s yet: %r", self._ref.uid, fault)

    async def _seal(self, wanted: Sealed) -> Sealed:
        record = await self._services.draws.seal(
            DrawRecord(
                self._ref.uid,
                wanted.entrants,
                wanted.accumulator,
                wanted.beacon,
                sealed_ms=wanted.sealed_ms,
                closed_ms=wanted.closed_ms,
            ),
            epoch=self._ref.epoch,
        )
        sealed = Sealed(
            record.entrants, record.accumulator, record.beacon, record.closed_ms, record.sealed_ms
        )
        code = await self._services.calls.seal_draw(
            self._ref,
            sealed.entrants,
            sealed.accumulator,
            sealed.beacon,
            closed_ms=sealed.closed_ms,
            sealed_ms=sealed.sealed_ms,
        )
        # The ledger knows another lobby than this store has: the store has gone back in time.
        self._mismatch = code is Code.DRAW_MISMATCH
        return sealed


def _starts_in_force(
    starts: tuple[AnnouncedStart, ...], line: LineStatus
) -> tuple[AnnouncedStart, ...]:
    """The announced starts without those that came too late: an open sale's start is fixed."""
    if not line.frozen:
        return starts
    return (*starts[:1], *(one for one in starts[1:] if one.at_ms < line.opens_ms))


def _to_seal(line: LineStatus, now_ms: int, beacon: str | None = None) -> Sealed:
    return Sealed(line.lobby, line.accumulator, beacon, line.closed_ms, now_ms)


def _sealed(line: LineStatus) -> Sealed | None:
    if line.draw is not DrawState.SEALED:
        return None
    beacon = line.beacon or None
    return Sealed(line.lobby, line.accumulator, beacon, line.closed_ms, line.sealed_ms)
