"""Which server gets which call: one server, the master that Sentinel names, or a Cluster's slots.

A sale's keys share one slot, so one call goes to one server and a batch is simply cut by server.
The slot map is only a guess that the servers correct: MOVED changes it and ASK goes around it for
one call. redis-py's ClusterPipeline was rejected here: it retries whole batches on connection
errors, and it refuses `evalsha`.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Sequence
from typing import Any, Final, Protocol

from holdfast_lua.errors import StoreUnavailable
from holdfast_lua.link import Address, Call
from holdfast_lua.node import Node, NodeOwner
from holdfast_lua.probe import ask_once
from holdfast_lua.store_url import StoreUrl
from holdfast_lua.wire import ReplyError, encode_command

SLOTS: Final = 16384
REFRESH_PAUSE_SECONDS: Final = 0.5
_ASKING: Final = encode_command("ASKING")


class Router(Protocol):
    """Sends calls to the right node."""

    def dispatch(self, calls: Sequence[Call]) -> None:
        """Sends the calls, now or once the way is known."""

    def redirect(self, node: Node, call: Call, error: ReplyError) -> bool:
        """Follows MOVED or ASK; False when that cannot be."""

    async def aclose(self) -> None:
        """Disconnects."""


def make_router(owner: NodeOwner, url: StoreUrl) -> Router:
    """The router for a kind of deployment."""
    if url.kind == "cluster":
        return ClusterRouter(owner, url)
    return SingleRouter(owner, url)


class SingleRouter:
    """Everything goes to one server; with Sentinel, to whoever is master when we connect."""

    def __init__(self, owner: NodeOwner, url: StoreUrl) -> None:
        self._url = url
        self._node = Node(owner, self._resolve, url.link_settings())

    def dispatch(self, calls: Sequence[Call]) -> None:
        """Sends the calls."""
        self._node.submit(calls)

    def redirect(self, node: Node, call: Call, error: ReplyError) -> bool:
        """A single server does not redirect: the URL is wrong, the caller is told."""
        return False

    async def aclose(self) -> None:
        """Disconnects."""
        await self._node.aclose()

    async def _resolve(self) -> Address:
        if self._url.kind == "sentinel":
            return await find_master(self._url)
        return self._url.addresses[0]


async def find_master(url: StoreUrl) -> Address:
    """Asks one Sentinel after the other; the first that knows the master is believed."""
    for sentinel in url.addresses:
        try:
            reply = await ask_once(
                sentinel, url.sentinel_settings(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", url.master
            )
        except OSError:
            continue
        if isinstance(reply, list) and len(reply) == 2:
            return Address(reply[0].decode(), int(reply[1]))
    raise StoreUnavailable(f"no sentinel knows a master named {url.master}")


def key_slot(key: str) -> int:
    """The slot of a key: CRC16 of its hash tag, or of all of it."""
    raw = key.encode()
    start = raw.find(b"{")
    if start >= 0:
        end = raw.find(b"}", start + 1)
        if end > start + 1:
            raw = raw[start + 1 : end]
    return binascii.crc_hqx(raw, 0) % SLOTS


class ClusterRouter:
    """Cuts batches by slot, follows redirections, learns the slot map from whoever answers."""

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
        by_address: dict[Address, list[Call]] = {}
        for call in calls:
            address = self._slots.get(key_slot(call.key))
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
        kind, slot, where = error.text.split(" ")[:3]
        host, _, port = where.rpartition(":")
        address = Address(host or node.address.host, int(port))
        if kind == "MOVED":
            self._slots[int(slot)] = address
            self._refresh()
            self._node(address).submit([call])
        else:
            self._node(address).submit([Call("", _ASKING, None), call])
        return True

    async def aclose(self) -> None:
        """Disconnects from every server."""
        self._closed = True
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        for call in self._take_waiting():
            self._owner.finish(call, StoreUnavailable("the executor is closed"))
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
            self._refreshing = asyncio.create_task(self._learn_slots(), name="store-slots")

    async def _learn_slots(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._refresh_at - loop.time()))
        fault = "no server of the cluster answers"
        try:
            for address in dict.fromkeys((*self._seeds, *self._nodes)):
                try:
                    slots = await ask_once(address, self._settings, "CLUSTER", "SLOTS")
                    self._take_slots(slots, address.host)
                except (OSError, ValueError) as reason:
                    fault = str(reason)
                    continue
                break
        finally:
            self._refresh_at = loop.time() + REFRESH_PAUSE_SECONDS
            self._refreshing = None
        self._dispatch_waiting(fault)

    def _dispatch_waiting(self, fault: str) -> None:
        waiting = self._take_waiting()
        known = [call for call in waiting if key_slot(call.key) in self._slots]
        self.dispatch(known)
        for call in waiting:
            if key_slot(call.key) not in self._slots:
                self._owner.finish(call, StoreUnavailable(f"nobody serves the slot: {fault}"))

    def _take_slots(self, reply: Any, asked: str) -> None:
        if not isinstance(reply, list):
            raise ValueError(str(reply))
        slots: dict[int, Address] = {}
        for first, last, master, *_ in reply:
            host = master[0].decode() if master[0] else asked  # unnamed: the one that we asked
            address = Address(host, int(master[1]))
            slots.update(dict.fromkeys(range(first, last + 1), address))
        self._slots = slots

    def _take_waiting(self) -> list[Call]:
        waiting, self._waiting = self._waiting, []
        return waiting
