"""What the ledger's tests build and drive: orders, and a wire that loses answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from msgspec.structs import replace
from sqlalchemy import event, make_url

from holdfast_ledger import (
    Ledger,
    Order,
    OrderItem,
    OrderStatus,
    SaleRecord,
    Sell,
    Verdict,
)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]
Listen = Callable[
    [Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]],
    Awaitable[asyncio.Server],
]
OpenLedger = Callable[[], Awaitable[Ledger]]
"""opens the same ledger again, as another process would"""


@contextlib.contextmanager
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """Every SQL statement that goes to the database meanwhile."""
    made: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        made.append(statement)

    engine = ledger.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield made
    event.remove(engine, "before_cursor_execute", note)


def build_order(
    sale_uid: str,
    order_id: str,
    *,
    seats: tuple[int, ...] = (),
    floor: int = 0,
    **changes: object,
) -> Order:
    """Seats at 4500 each and floor units at 1000."""
    items = [OrderItem(f"Seat {n}", "A", 4500, seat=f"guid-{n}", index=n) for n in seats]
    if floor:
        items.append(OrderItem("Floor", "GA", 1000, quantity=floor, area="floor"))
    order = Order(
        sale_uid=sale_uid,
        id=order_id,
        status=OrderStatus.PENDING,
        buyer="buyer-1",
        hold_version=2,
        total=sum(item.price * item.quantity for item in items),
        currency="EUR",
        items=tuple(items),
        next_to_each_other=True,
        created_ms=1_000,
        updated_ms=1_000,
        order_ref=f"ref-{order_id}",
        payment_ref=f"pay-{order_id}",
        amount=sum(item.price * item.quantity for item in items),
    )
    return replace(order, **changes)


async def sell(ledger: Ledger, sale: SaleRecord, order_id: str, *seats: int) -> Verdict:
    """One confirm of these seats, in the epoch that `sale` was read in."""
    order = build_order(sale.uid, order_id, seats=seats)
    return (await ledger.commit(Sell(sale.epoch, order))).verdict


class LossyWire:
    """A proxy before a server that can lose the answer to the next request with `marker` in it.

    `lose_reply` lets the server do what is asked and swallows what it answers; `lose_request`
    swallows the request itself. Either way the client's connection breaks, and from its side both
    look the same.
    """

    def __init__(self, connect: Connect, listen: Listen, marker: bytes = b"") -> None:
        self._connect, self._listen = connect, listen
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self.marker = marker
        self.lose_reply = 0
        self.lose_request = 0
        self.lost = 0

    @classmethod
    def before(cls, url: str) -> "LossyWire":
        """A wire to the server of a ledger's URL, which may lose what becomes of a COMMIT."""
        server = make_url(url)
        return cls(
            lambda: asyncio.open_connection(str(server.host), int(server.port or 0)),
            lambda serve: asyncio.start_server(serve, "127.0.0.1", 0),
            b"COMMIT",
        )

    async def __aenter__(self) -> "LossyWire":
        self._server = await self._listen(self._serve)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where clients connect instead of to the server."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """One connection; runs as a task of ours, since asyncio reports every end of its own."""
        self._pumps.add(asyncio.create_task(self._relay(client, to_client)))

    async def _relay(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await self._connect()
        answers = asyncio.create_task(self._pump(server, to_client))
        try:
            while data := await client.read(65_536):
                if self.marker in data and self._takes_request():
                    break
                if self.marker in data and self._takes_reply():
                    answers.cancel()
                    await asyncio.wait({answers})
                    to_server.write(data)
                    await server.read(65_536)
                    break
                to_server.write(data)
        except ConnectionError:
            return
        finally:
            answers.cancel()
            to_server.close()
            to_client.close()

    def _takes_request(self) -> bool:
        taken = self.lose_request > 0
        self.lose_request -= taken
        self.lost += taken
        return taken

    def _takes_reply(self) -> bool:
        taken = self.lose_reply > 0
        self.lose_reply -= taken
        self.lost += taken
        return taken

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()


@contextlib.asynccontextmanager
async def ledger_through(wire: LossyWire, url: str) -> AsyncIterator[Ledger]:
    """The ledger of this URL, with its schema, which reaches its server by the wire alone."""
    by_wire = make_url(url).set(port=wire.port)
    opened = await Ledger.open(by_wire.render_as_string(hide_password=False))
    await opened.migrate()
    yield opened
    await opened.close()
