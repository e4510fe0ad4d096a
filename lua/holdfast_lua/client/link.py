"""One connection to one server: calls go out as they come, replies come back in order.

A link is full duplex. It never waits for one batch before sending the next, so a batch needs no
task and no lock: `send` writes, `data_received` pops. Because replies carry no ids, order is
everything: a link that is late, closed or out of step is thrown away whole, never reused, and what
was in flight on it is reported as lost. A caller that gives up takes only its own future with it;
its reply is still read and dropped (a connection shared with a cancelled caller once gave answers
to strangers).

Knowing that the peer has closed BEFORE writing is what lets the executor tell "not sent" from
"outcome unknown" after a store restart; a pooled stream client learns it only from a failed read.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from holdfast_lua.client.wire import Argument, ReplyError, ReplyReader, WireError, encode_command

WRITE_BUFFER_BYTES: Final = 1024 * 1024
_SHUTDOWN_SECONDS: Final = 1.0

# The connection's name is a courtesy to operators: a user or a proxy may not allow it.
_NAMELESS: Final = ("NOPERM", "ERR unknown", "ERR Unknown")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: a unix socket path, or host and port."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How a link is opened, and after how long without an answer it counts as lost."""

    username: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: ssl.SSLContext | None = None
    ca: str = ""
    require_master: bool = False
    connect_timeout_seconds: float = 2.0
    reply_timeout_seconds: float = 5.0


class Call:
    """One command on its way: its bytes, where it belongs and who waits for it."""

    __slots__ = (
        "batch",
        "future",
        "key",
        "loaded",
        "name",
        "payload",
        "queued_at",
        "retries",
        "sha",
    )

    def __init__(
        self, name: str, payload: bytes, future: asyncio.Future[Any] | None, *, key: str = ""
    ) -> None:
        self.name = name
        self.payload = payload
        self.future = future
        self.key = key
        self.sha = ""
        self.loaded: asyncio.Future[Any] | None = None  # the answer to SCRIPT LOAD in front of it
        self.queued_at = 0.0
        self.batch = 0
        self.retries = 0


class LinkOwner(Protocol):
    """Who is told of replies and losses; never called after `link_lost`."""

    def link_reply(self, link: Link, call: Call, reply: Any) -> None:
        """A call was answered."""

    def link_lost(self, link: Link, calls: Sequence[Call], reason: str) -> None:
        """Called when a link is lost; `calls` had been sent and were not answered."""

    def link_writable(self, link: Link) -> None:
        """The socket takes bytes again."""


class Link(asyncio.Protocol):
    """A connection after its handshake. Make one with `open_link`."""

    def __init__(self, owner: LinkOwner, settings: LinkSettings) -> None:
        self._owner = owner
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._reader = ReplyReader()
        self._in_flight: deque[tuple[Call, float]] = deque()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._lost = ""
        self.closed = self._loop.create_future()
        self.writable = True
        self.loading: dict[str, asyncio.Future[Any]] = {}  # SCRIPT LOAD in flight, by script

    @property
    def usable(self) -> bool:
        """Whether a call may be sent now."""
        return self.writable and not self._lost and self._transport is not None

    @property
    def lost(self) -> str:
        """Why nothing can be sent any more; empty while the link is good."""
        return self._lost

    def send(self, calls: Sequence[Call]) -> None:
        """Writes the calls in one piece; raises ConnectionError, with why, when it is lost."""
        transport = self._transport
        if transport is None or self._lost:
            raise ConnectionError(self._lost or "the link is not open")
        now = self._loop.time()
        self._in_flight.extend((call, now) for call in calls)
        if self._watch is None:
            self._watch = self._loop.call_at(
                now + self._settings.reply_timeout_seconds, self._check_overdue
            )
        transport.write(b"".join([call.payload for call in calls]))

    async def ask(self, *commands: Sequence[Argument]) -> list[Any]:
        """Sends commands of the link's own and gives their replies, errors as values."""
        futures: list[asyncio.Future[Any]] = [self._loop.create_future() for _ in commands]
        self.send(
            [
                Call("", encode_command(*command), future)
                for command, future in zip(commands, futures, strict=True)
            ]
        )
        return await asyncio.gather(*futures)

    def drop(self, reason: str) -> None:
        """Throws the link away; everything in flight is lost."""
        self._lose(reason)
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Hands every complete reply to the call it belongs to."""
        try:
            for reply in self._reader.feed(data):
                if not self._in_flight:
                    self.drop(_unasked(reply))
                    return
                call, _ = self._in_flight.popleft()
                self._answer(call, reply)
        except WireError as fault:
            self.drop(f"protocol error: {fault}")

    def eof_received(self) -> bool:
        """The peer said goodbye: nothing more may be written."""
        self._lose("closed by the store")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._lose(f"connection lost: {exc}" if exc else "connection closed")
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        self.writable = False

    def resume_writing(self) -> None:
        """The socket's buffer drained."""
        self.writable = True
        self._owner.link_writable(self)

    def _answer(self, call: Call, reply: Any) -> None:
        if call.name:
            self._owner.link_reply(self, call, reply)
        elif call.future is not None and not call.future.done():
            call.future.set_result(reply)

    def _check_overdue(self) -> None:
        self._watch = None
        if not self._in_flight:
            return
        due = self._in_flight[0][1] + self._settings.reply_timeout_seconds
        if self._loop.time() >= due:
            self.drop(f"no reply within {self._settings.reply_timeout_seconds:g} s")
        else:
            self._watch = self._loop.call_at(due, self._check_overdue)

    def _lose(self, reason: str) -> None:
        if self._lost:
            return
        self._lost = reason
        if self._watch is not None:
            self._watch.cancel()
        calls = [call for call, _ in self._in_flight]
        self._in_flight.clear()
        for call in calls:
            if not call.name and call.future is not None and not call.future.done():
                call.future.set_result(ReplyError(f"LOST {reason}"))
        self._owner.link_lost(self, [call for call in calls if call.name], reason)


async def open_link(owner: LinkOwner, address: Address, settings: LinkSettings) -> Link:
    """Connects and says hello. Raises OSError or TimeoutError; nothing of the callers was sent."""
    loop = asyncio.get_running_loop()

    def factory() -> Link:
        return Link(owner, settings)

    async with asyncio.timeout(settings.connect_timeout_seconds):
        if address.path:
            _, link = await loop.create_unix_connection(factory, address.path)
        else:
            _, link = await loop.create_connection(
                factory,
                address.host,
                address.port,
                ssl=settings.tls,
                server_hostname=address.host if settings.tls else None,
            )
        try:
            await _greet(link, settings)
        except BaseException:
            link.drop("handshake failed")
            raise
    return link


async def _greet(link: Link, settings: LinkSettings) -> None:
    """Introduces us and checks every answer; raises ConnectionError when one is not as it should
    be.

    Even with nothing to say it waits for an answer, so that no caller's call is written to a peer
    that is dying: its socket accepts for a moment longer, and what it took would be in doubt.
    """
    hello: list[tuple[Argument, ...]] = []
    if settings.password:
        names = (settings.username,) if settings.username else ()
        hello.append(("AUTH", *names, settings.password))
    if settings.database:
        hello.append(("SELECT", settings.database))
    if settings.require_master:
        hello.append(("ROLE",))
    hello.append(("CLIENT", "SETNAME", "holdfast"))  # last: before AUTH it may be refused
    for command, reply in zip(hello, await link.ask(*hello), strict=True):
        _check_greeting(str(command[0]), reply)


def _check_greeting(command: str, reply: Any) -> None:
    """One answer of the handshake; AUTH's arguments must not get into a message."""
    if isinstance(reply, ReplyError):
        if command != "CLIENT" or not reply.text.startswith(_NAMELESS):
            raise ConnectionError(reply.text)
    elif command == "ROLE" and isinstance(reply, list) and reply:
        if reply[0] != b"master":
            raise ConnectionError(f"the server is not a master but {reply[0]!r:.40}")
    elif reply != b"OK":
        raise ConnectionError(f"the server answers {command} with {reply!r:.40}")


def _unasked(reply: Any) -> str:
    """Why a link is lost on which a reply came that nobody waits for: a server that takes no more
    connections says so before it is asked, and then closes.
    """
    return reply.text if isinstance(reply, ReplyError) else "a reply that nobody asked for"


async def close_link(link: Link) -> None:
    """Drops the link and waits, for a moment at most, until the socket is really closed."""
    link.drop("closing")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SHUTDOWN_SECONDS):
            await asyncio.shield(link.closed)
