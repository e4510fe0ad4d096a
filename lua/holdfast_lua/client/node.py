"""One server as the executor sees it: a link that comes and goes, and calls that wait for it.

When the link is down the next call starts ONE attempt to connect; calls that arrive meanwhile wait
for that attempt, and when it fails they all fail at once with StoreUnavailable (nothing was sent).
Until the pause after a failure is over, calls fail without an attempt: a dead store must cost a
visitor milliseconds, not a connect timeout each. Recovery needs no one's help: the first call after
the pause tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from holdfast_lua.client.link import Address, Call, Link, LinkSettings, close_link, open_link
from holdfast_lua.errors import StoreOutcomeUnknown, StoreUnavailable
from holdfast_tasks import start_task

FIRST_PAUSE_SECONDS: Final = 0.05
MAX_PAUSE_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)

Resolve = Callable[[], Awaitable[Address]]


class NodeOwner(Protocol):
    """The executor: what a node tells it."""

    def node_reply(self, node: Node, call: Call, reply: Any) -> None:
        """A call was answered, perhaps with an error reply."""

    def finish(self, call: Call, outcome: Any) -> None:
        """A call is over: an exception instance fails it."""

    async def node_moved(self, node: Node) -> None:
        """Another server takes over; no call reaches it before this has returned."""


class Node:
    """A server, found by `resolve` at each connect (Sentinel moves the master)."""

    def __init__(
        self,
        owner: NodeOwner,
        resolve: Resolve,
        settings: LinkSettings,
        on_unreachable: Callable[[], None] = lambda: None,
    ) -> None:
        self.address = Address()
        self._served = Address()
        self._owner = owner
        self._on_unreachable = on_unreachable
        self._closed = False
        self._resolve = resolve
        self._settings = settings
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._waiting: list[Call] = []
        self._resolving: asyncio.Task[None] | None = None
        self._resolve_at = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._retry_at = 0.0
        self._last_error = ""

    def submit(self, calls: Sequence[Call]) -> None:
        """Sends now, or as soon as the link is up, or fails the calls."""
        link = self._link
        if link is not None and link.usable:
            link.send(calls)
        elif self._closed:
            self._refuse(calls, "the executor is closed")
        elif self._connecting is None and asyncio.get_running_loop().time() < self._retry_at:
            self._refuse(calls, self._last_error)
        else:
            self._waiting.extend(calls)
            if link is None and self._connecting is None:
                self._connecting = start_task(self._connect(), name="store-connect", awaited=True)
                self._connecting.add_done_callback(self._attempted)

    def resend(self, call: Call, load: bytes) -> None:
        """Sends again a call that was answered NOSCRIPT, behind the script it misses."""
        link = self._link
        if link is None or not link.usable:
            self.submit([call])
            return
        call.loaded = link.loading.get(call.sha)
        if call.loaded is not None:
            link.send([call])
            return
        loaded: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        call.loaded = link.loading[call.sha] = loaded
        loaded.add_done_callback(lambda _: link.loading.pop(call.sha, None))
        link.send([Call("", load, loaded), call])

    def resolve_again(self) -> None:
        """Finds out, now and then, whether another server is to be used, and then leaves this one.

        What is in flight is only lost if there is another: a server that refuses still answers.
        """
        now = asyncio.get_running_loop().time()
        if self._resolving is None and now >= self._resolve_at and not self._closed:
            self._resolve_at = now + MAX_PAUSE_SECONDS
            self._resolving = start_task(self._leave_if_replaced(), name="store-resolve")
            self._resolving.add_done_callback(self._resolved)

    async def _leave_if_replaced(self) -> None:
        doubted = self._link
        with contextlib.suppress(OSError, StoreUnavailable):
            address = await self._resolve()
            if address != self.address and self._link is doubted:
                self.drop(f"{address} is used instead")

    def _resolved(self, _: asyncio.Task[None]) -> None:
        self._resolving = None

    def drop(self, reason: str) -> None:
        """Throws the link away: the server turned out to be the wrong one."""
        if self._link is not None:
            self._link.drop(reason)

    async def aclose(self) -> None:
        """Ends the link and any attempt to make one."""
        self._closed = True
        tasks = {task for task in (self._connecting, self._resolving) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._refuse(self._take_waiting(), "the executor is closed")
        if self._link is not None:
            await close_link(self._link)

    # LinkOwner

    def link_reply(self, link: Link, call: Call, reply: Any) -> None:
        """Passes the reply on; only the owner knows what an error reply means."""
        self._owner.node_reply(self, call, reply)

    def link_lost(self, link: Link, calls: Sequence[Call], reason: str) -> None:
        """Forgets the link; what was in flight has an unknown outcome."""
        if self._link is link:
            self._link = None
        for call in calls:
            self._owner.finish(call, StoreOutcomeUnknown(f"{call.name}: {reason}"))
        if self._waiting and self._connecting is None:
            self.submit(self._take_waiting())

    def link_writable(self, link: Link) -> None:
        """Sends what had to wait for the socket."""
        if self._waiting and link.usable:
            link.send(self._take_waiting())

    async def _connect(self) -> Link:
        self.address = await self._resolve()
        if self._served not in (Address(), self.address):
            await self._owner.node_moved(self)
            # What waits was written before anybody knew what the new one must know.
            self._refuse(self._take_waiting(), f"{self.address} takes over")
        link = await open_link(self, self.address, self._settings)
        self._served = self.address
        return link

    def _attempted(self, attempt: asyncio.Task[Link]) -> None:
        """Goes on after an attempt to connect: nobody waits for one that is over, however it was.

        It may have been cancelled, as a loop that ends does with all tasks, or have met a server
        unlike any; the next call tries again.
        """
        self._connecting = None
        try:
            link = attempt.result()
            if link.lost:
                raise ConnectionError(link.lost)
        except (OSError, StoreUnavailable) as fault:  # TimeoutError is an OSError
            self._failed(str(fault) or "timed out")
        except asyncio.CancelledError:
            self._failed("the executor is closed" if self._closed else "cancelled while connecting")
        except Exception as bug:
            logger.exception("store: connecting failed")
            self._failed(f"{type(bug).__name__} while connecting")
        else:
            self._connected(link)

    def _connected(self, link: Link) -> None:
        self._link = link
        self._last_error = ""
        self._pause_seconds, self._retry_at = FIRST_PAUSE_SECONDS, 0.0
        if self._waiting:
            link.send(self._take_waiting())

    def _failed(self, reason: str) -> None:
        if reason != self._last_error and not self._closed:
            logger.warning("store: cannot connect: %s", reason)
        self._last_error = reason
        self._retry_at = asyncio.get_running_loop().time() + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, MAX_PAUSE_SECONDS)
        self._refuse(self._take_waiting(), reason)
        self._on_unreachable()

    def _take_waiting(self) -> list[Call]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _refuse(self, calls: Sequence[Call], reason: str) -> None:
        for call in calls:
            if call.name:  # not one of our own, such as the ASKING in front of another
                self._owner.finish(call, StoreUnavailable(f"the store does not answer: {reason}"))
