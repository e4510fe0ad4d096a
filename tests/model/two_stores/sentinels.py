"""A worker's way to the one of two stores that the Sentinels name, as in a failover.

What the Sentinels say is a call that waits, like every other, until it is delivered. `Mastership`
is the real one; `MasterNode` stands for `holdfast_lua.client.node.Node` and does in the same order
what that does when it leaves a server and takes another: nothing here has links, clocks or sockets.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast
from unittest.mock import patch

from model.workers.gated import GatedExecutor
from model.workers.worker import Worker

from holdfast_lua import Executor
from holdfast_lua.client.link import Address
from holdfast_lua.client.mastership import Mastership
from holdfast_lua.client.node import Node
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.client.wire import Argument
from holdfast_lua.errors import StoreError, StoreOutcomeUnknown, StoreUnavailable

SENTINELS = "sentinels.master"
"""the name of the call that asks who is master"""


class Servers(Protocol):
    """The two stores, and what the Sentinels say to whom."""

    def server(self, address: Address) -> Executor: ...

    async def master_for(self, worker: Worker) -> Address:
        """StoreUnavailable for a worker that reaches no majority."""


@dataclass(frozen=True)
class Sent:
    """A script's arguments, and the store that they go to."""

    address: Address
    args: tuple[Argument, ...]


class MasterNode:
    """The server in use: `link` is another object each time it is reached anew, None without."""

    def __init__(self, worker: Worker, servers: Servers) -> None:
        self.address = Address()
        self.link: object | None = None
        self._served = Address()
        self._worker, self._servers = worker, servers
        self._connecting: asyncio.Task[None] | None = None

    async def ask(self) -> Address:
        """Whom most Sentinels name; StoreUnavailable when that is not heard."""
        try:
            named: Address = await self._worker.wait(
                SENTINELS, None, lambda: self._servers.master_for(self._worker)
            )
        except StoreError as fault:
            raise StoreUnavailable("no majority of sentinels is reached") from fault
        return named

    def drop(self, reason: str) -> None:
        """What is in flight may happen all the same, but its answer is lost."""
        self.link = None

    def resolve_again(self) -> None:
        """The look that each node takes once a second."""
        self._worker.start(self._leave_if_replaced())

    async def _leave_if_replaced(self) -> None:
        doubted = self.link
        with contextlib.suppress(StoreUnavailable):
            named = await self.ask()
            if named != self.address and self.link is doubted:
                self.drop(f"{named} is used instead")

    async def reached(self) -> object:
        """The link in use, perhaps a new one. All that wait for one share the attempt."""
        if self.link is None:
            if self._connecting is None or self._connecting.done():
                self._connecting = asyncio.create_task(self._connect())
            await asyncio.shield(self._connecting)
        return self.link

    async def _connect(self) -> None:
        self.address = await self.ask()
        moved = self._served not in (Address(), self.address)
        if moved:
            await self._worker.directory.learn_revisions()
        self._served, self.link = self.address, object()
        if moved:
            # What waits was written before anybody knew what the new one must know.
            raise StoreUnavailable(f"{self.address} takes over")


class MasterExecutor(GatedExecutor):
    """Calls go to the server in use when they are made; who left it meanwhile hears no answer."""

    def __init__(self, worker: Worker, servers: Servers) -> None:
        super().__init__(worker)
        self.node = MasterNode(worker, servers)
        self._servers = servers
        self._mastership = Mastership(cast(StoreUrl, self.node), cast(Node, self.node))

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        reply: list[Any] = await self._send(
            name, tuple(args), lambda server: server.run(name, keys, args)
        )
        return reply

    async def command(self, *values: Argument, key: str | None = None) -> Any:
        return await self._send(
            f"command.{values[0]!r}", values, lambda server: server.command(*values, key=key)
        )

    async def require_master(self) -> None:
        await self.command("PING")
        await self._mastership.require()

    async def _send(
        self,
        name: str,
        args: tuple[Argument, ...],
        act: Callable[[Executor], Awaitable[Any]],
    ) -> Any:
        link, address = await self.node.reached(), self.node.address
        server = self._servers.server(address)
        reply = await self._process.wait(name, Sent(address, args), lambda: act(server))
        if self.node.link is not link:
            raise StoreOutcomeUnknown(f"{name}: {address} was left meanwhile")
        return reply


@contextmanager
def gated_sentinels() -> Iterator[None]:
    """The real `Mastership` asks the node's Sentinels, and no clock says when it may ask again."""

    async def agreed(node: object) -> Address:
        return await cast(MasterNode, node).ask()

    with ExitStack() as patches:
        patches.enter_context(patch("holdfast_lua.client.mastership.find_agreed_master", agreed))
        patches.enter_context(patch("holdfast_lua.client.mastership.REFUSAL_SECONDS", 0.0))
        patches.enter_context(patch("holdfast.sales.directory.LEARNING_SECONDS", 3600.0))
        yield
