"""Which server gets which call: one server, the master that Sentinel names, or a Cluster's slots.

A sale's keys share one slot, so one call goes to one server and a batch is simply cut by server.
The slot map is only a guess that the servers correct: MOVED changes it and ASK goes around it for
one call. redis-py's ClusterPipeline was rejected here: it retries whole batches on connection
errors, and it refuses `evalsha`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from redis.crc import key_slot

from holdfast_lua.client.link import Address, Call
from holdfast_lua.client.mastership import Mastership
from holdfast_lua.client.node import Node, NodeOwner
from holdfast_lua.client.sentinels import find_master
from holdfast_lua.client.slots import SLOTS, find_slots
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.client.wire import ReplyError, encode_command
from holdfast_lua.errors import StoreUnavailable
from holdfast_tasks import start_task

REFRESH_PAUSE_SECONDS: Final = 0.5
_ASKING: Final = encode_command("ASKING")


class Router(Protocol):
    """Sends calls to the right node."""

    def dispatch(self, calls: Sequence[Call]) -> None:
        """Sends the calls, now or once the way is known."""

    def redirect(self, node: Node, call: Call, error: ReplyError) -> bool:
        """Follows MOVED or ASK; False when that cannot be."""

    async def nodes(self) -> Sequence[Node]:
        """Every server that takes calls; StoreUnavailable when a part of the keys has none."""

    async def require_master(self) -> None:
        """StoreUnavailable when Sentinels, if there are any, name another server as the master."""

    def doubt(self, node: Node) -> None:
        """Called when a node refuses writes, as one does that is not the master any more."""

    async def aclose(self) -> None:
        """Disconnects."""


def make_router(owner: NodeOwner, url: StoreUrl) -> Router:
    """The router for a kind of deployment."""
    if url.kind == "cluster":
        return ClusterRouter(owner, url)
    return SingleRouter(owner, url)


class SingleRouter:
    """Sends everything to one server: with Sentinel the master at the time of connecting."""

    def __init__(self, owner: NodeOwner, url: StoreUrl) -> None:
        self._url = url
        self._node = Node(owner, self._resolve, url.link_settings())
        self._mastership = Mastership(url, self._node) if url.kind == "sentinel" else None

    def dispatch(self, calls: Sequence[Call]) -> None:
        """Sends the calls."""
        if self._mastership is not None:
            self._mastership.begin()
        self._node.submit(calls)

    def redirect(self, node: Node, call: Call, error: ReplyError) -> bool:
        """A single server does not redirect: the URL is wrong, the caller is told."""
        return False

    async def nodes(self) -> Sequence[Node]:
        """The one node."""
        return [self._node]

    async def require_master(self) -> None:
        """Checks that most Sentinels name the node; without Sentinels there is no other."""
        if self._mastership is not None:
            await self._mastership.require()

    def doubt(self, node: Node) -> None:
        """Asks the Sentinels again, which may have chosen another master."""
        if self._url.kind == "sentinel":
            node.resolve_again()

    async def aclose(self) -> None:
        """Disconnects."""
        if self._mastership is not None:
            await self._mastership.aclose()
        await self._node.aclose()

    async def _resolve(self) -> Address:
        if self._url.kind == "sentinel":
            return await find_master(self._url)
        return self._url.addresses[0]


class ClusterRouter:
    """Cuts batches by slot, follows redirections, learns the slot map from its servers."""

    def __init__(self, owner: NodeOwner, url: StoreUrl) -> None:
        self._owner = owner
        self._seeds = url.addresses
        self._settings = url.link_settings()
        self._nodes: dict[Address, Node] = {}
        self._slots: dict[int, Address] = {}
        self._waiting: list[Call] = []
        self._refreshing: asyncio.Task[None] | None = None
        self._refresh_at = 0.0
        self._closed = False

    def dispatch(self, calls: Sequence[Call]) -> None:
        """Sends each call to the owner of its slot."""
        if self._closed:
            self._refuse(calls, "the executor is closed")
            return
        by_address: dict[Address, list[Call]] = {}
        for call in calls:
            address = self._slots.get(key_slot(call.key.encode()))
            if address is None:
                self._waiting.append(call)
            else:
                by_address.setdefault(address, []).append(call)
        for address, group in by_address.items():
            self._node(address).submit(group)
        if self._waiting:
            self._refresh()

    def redirect(self, node: Node, call: Call, error: ReplyError) -> bool:
        """MOVED: the slot lives elsewhere, for good. ASK: only this call goes elsewhere."""
        if error.kind == "CLUSTERDOWN":
            self._refresh()
            return False
        try:
            kind, slot, where = error.text.split(" ")[:3]
            host, _, port = where.rpartition(":")
            number, address = int(slot), Address(host or node.address.host, int(port))
        except ValueError:  # the caller is told what it says
            return False
        if self._closed:
            self._refuse([call], "the executor is closed")
        elif kind == "MOVED":
            self._slots[number] = address
            self._refresh()
            self._node(address).submit([call])
        else:
            self._node(address).submit([Call("", _ASKING, None), call])
        return True

    async def nodes(self) -> Sequence[Node]:
        """The masters of all slots."""
        if len(self._slots) < SLOTS:
            self._refresh()
            if self._refreshing is not None:
                await asyncio.wait({self._refreshing})
        missing = SLOTS - len(self._slots)
        if missing:
            raise StoreUnavailable(f"{missing} slots of the Cluster have no server")
        masters = {id(address): address for address in self._slots.values()}  # few, and quickly
        return [self._node(address) for address in dict.fromkeys(masters.values())]

    async def require_master(self) -> None:
        """The servers decide among themselves, by a majority, and a minority stops."""

    def doubt(self, node: Node) -> None:
        """Learns the slots anew."""
        self._refresh()

    async def aclose(self) -> None:
        """Disconnects from every server."""
        self._closed = True
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        self._refuse(self._take_waiting(), "the executor is closed")
        await asyncio.gather(*[node.aclose() for node in self._nodes.values()])

    def _node(self, address: Address) -> Node:
        node = self._nodes.get(address)
        if node is None:

            async def resolve() -> Address:
                return address

            node = Node(self._owner, resolve, self._settings, on_unreachable=self._refresh)
            self._nodes[address] = node
        return node

    def _refresh(self) -> None:
        if self._refreshing is None and not self._closed:
            self._refreshing = start_task(self._learn_slots(), name="store-slots")

    async def _learn_slots(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._refresh_at - loop.time()))
        fault = ""
        try:
            asked = dict.fromkeys((*self._seeds, *self._nodes))
            self._slots = (await find_slots(asked, self._settings)).slots
        except OSError as reason:
            fault = str(reason) or "the servers of the cluster are silent"
        finally:  # whatever went wrong: what waits for the slots is told, and the next may look
            self._refresh_at = loop.time() + REFRESH_PAUSE_SECONDS
            self._refreshing = None
            self._dispatch_waiting(fault)

    def _dispatch_waiting(self, fault: str) -> None:
        known: list[Call] = []
        unserved: list[Call] = []
        for call in self._take_waiting():
            served = key_slot(call.key.encode()) in self._slots
            (known if served else unserved).append(call)
        self._refuse(unserved, f"nobody serves the slot: {fault}")
        self.dispatch(known)

    def _refuse(self, calls: Sequence[Call], reason: str) -> None:
        for call in calls:
            self._owner.finish(call, StoreUnavailable(reason))

    def _take_waiting(self) -> list[Call]:
        waiting, self._waiting = self._waiting, []
        return waiting
