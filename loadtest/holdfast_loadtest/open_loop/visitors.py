"""Visitors of one listener, each with a connection and an address of its own.

A request goes out on a new connection as long as there are fewer than allowed, then on the one that
has been idle for longest: visitors take turns, so under overload all of them wait. Connections
stay open between runs.
"""

from __future__ import annotations

import itertools
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from holdfast_loadtest.http_bytes import end_of_answer
from holdfast_loadtest.open_loop.outcome import GAVE_UP, LOST, NO_CONNECTION, Outcome

RECEIVED_BYTES: Final = 65_536
ADDRESSES: Final = 5_000
ADDRESSES_A_BYTE: Final = 250
CLOSES: Final = b"onnection: close"
# Of the socket module since Python 3.12; the same on every Linux.
BIND_ADDRESS_NO_PORT: Final = 24

Address = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""
NextRequest = Callable[[], bytes]


class Connection:
    """One visitor's; busy from a request until the end of its answer."""

    __slots__ = ("due", "incoming", "is_busy", "outgoing", "socket", "visitors")

    def __init__(self, visitors: Visitors, made: socket.socket) -> None:
        self.visitors = visitors
        self.socket = made
        self.is_busy = False
        self.due = 0.0
        self.incoming = b""
        self.outgoing = b""


class Visitors:
    """Up to `most` connections to `address`, whose events are those of `epoll`."""

    def __init__(
        self,
        address: Address,
        most: int,
        epoll: select.epoll,
        connections: dict[int, Connection],
    ) -> None:
        self.outcome = Outcome(0)
        self.busy = 0
        self._address = address
        self._most = most
        self._epoll = epoll
        self._connections = connections
        self._open = 0
        self._idle: dict[Connection, None] = {}  # the longest idle first
        self._in_flight: deque[tuple[float, Connection]] = deque()
        self._sources = itertools.cycle(range(ADDRESSES))

    def send(self, due: float, request: bytes) -> None:
        """Sends a request, unless all visitors wait for an answer."""
        connection = self._new_connection() or next(iter(self._idle), None)
        if connection is None:
            self.outcome.ends[NO_CONNECTION] += 1
            return
        self._idle.pop(connection, None)
        connection.is_busy = True
        connection.due = due
        self.busy += 1
        self._in_flight.append((due, connection))
        self._send(connection, request)

    def leave(self) -> None:
        """Closes all connections."""
        for connection in [c for c in self._connections.values() if c.visitors is self]:
            self._end(connection, GAVE_UP)

    def handle(self, connection: Connection, event: int, now: float) -> None:
        """Handles a connection that the kernel says is readable or writable."""
        if event & select.EPOLLOUT and connection.outgoing:
            self._send(connection, connection.outgoing)
        if event & ~select.EPOLLOUT:
            self._receive(connection, now)

    def hang_up(self, before: float) -> None:
        """Ends the requests that were due before that time and are not answered yet."""
        while self._in_flight:
            due, connection = self._in_flight[0]
            # The visitor may have gone on to another request since.
            waits = connection.is_busy and connection.due == due
            if waits and due >= before:
                return
            self._in_flight.popleft()
            if waits:
                self._end(connection, GAVE_UP)

    def _new_connection(self) -> Connection | None:
        if self._open >= self._most:
            return None
        try:
            made = self._connect()
        except OSError:
            return None
        self._open += 1
        connection = self._connections[made.fileno()] = Connection(self, made)
        self._epoll.register(made.fileno(), select.EPOLLIN)
        return connection

    def _connect(self) -> socket.socket:
        """A socket on its way to the server.

        Raises:
            OSError: none can be made; of a unix socket also that its backlog is full.
        """
        is_local = isinstance(self._address, str)
        family = socket.AF_UNIX if is_local else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            if not is_local:
                made.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                high, low = divmod(next(self._sources), ADDRESSES_A_BYTE)
                made.bind((f"127.1.{high}.{1 + low}", 0))
            made.connect(self._address)
        except OSError as error:
            if is_local or not isinstance(error, BlockingIOError):
                made.close()
                raise
        return made

    def _send(self, connection: Connection, data: bytes) -> None:
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(connection, LOST)
            return
        waited = bool(connection.outgoing)
        connection.outgoing = data[sent:]
        if bool(connection.outgoing) != waited:
            wanted = select.EPOLLIN | (0 if waited else select.EPOLLOUT)
            self._epoll.modify(connection.socket.fileno(), wanted)

    def _receive(self, connection: Connection, now: float) -> None:
        try:
            data = connection.socket.recv(RECEIVED_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(connection, LOST)
            return
        incoming = connection.incoming + data
        end = end_of_answer(incoming)
        if end is None:
            connection.incoming = incoming
            return
        self.outcome.answered(incoming[9:12].decode(), connection.due, now - connection.due)
        self.busy -= 1
        connection.is_busy = False
        connection.incoming = b""
        if CLOSES in incoming[:end]:
            self._close(connection)
        else:
            self._idle[connection] = None

    def _end(self, connection: Connection, how: str) -> None:
        """Closes a connection; a request that is on its way ends so."""
        if connection.is_busy:
            connection.is_busy = False
            self.busy -= 1
            self.outcome.ends[how] += 1
        self._idle.pop(connection, None)
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._open -= 1
        del self._connections[connection.socket.fileno()]
        connection.socket.close()
