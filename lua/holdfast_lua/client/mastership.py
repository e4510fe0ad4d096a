"""Whether the server in use is the one that Sentinels name: looked at each second, or asked.

A master that is cut off knows nothing of the one that was promoted, and goes on answering whoever
reaches it. The look leaves it as soon as Sentinels say so, whether or not a call has failed. The
question comes before what two stores must never both do, such as ending the epoch of a
sale: it wants the word of more than half of the Sentinels, and without it the answer is no.
"""

from __future__ import annotations

import asyncio
from typing import Final

from holdfast_lua.client.link import Address
from holdfast_lua.client.node import Node
from holdfast_lua.client.sentinels import find_agreed_master
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.errors import StoreUnavailable
from holdfast_tasks import start_task

LOOK_SECONDS: Final = 1.0
REFUSAL_SECONDS: Final = 0.5
"""for which a no is good: sales that all find the store behind ask together"""


class Mastership:
    """Finds by Sentinels which server is the master, for one node."""

    def __init__(self, url: StoreUrl, node: Node) -> None:
        self._url = url
        self._node = node
        self._looking: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[Address] | None = None
        self._refusal = ""
        self._refused = (Address(), 0.0)

    def begin(self) -> None:
        """Begins to look; harmless to repeat."""
        if self._looking is None:
            self._looking = start_task(self._look(), name="store-master")

    async def require(self) -> None:
        """Returns when most Sentinels name the server in use; else StoreUnavailable.

        A server that was replaced is left.
        """
        loop = asyncio.get_running_loop()
        asked_of, until = self._node.address, self._refused[1]
        if self._refused[0] == asked_of and loop.time() < until:
            raise StoreUnavailable(self._refusal)
        try:
            agreed = await self._agreed()
            if agreed != asked_of:
                self._node.drop(f"{agreed} is used instead")
                raise StoreUnavailable(f"most sentinels name {agreed} as the master")
        except StoreUnavailable as refusal:
            self._refusal = str(refusal)
            self._refused = (asked_of, loop.time() + REFUSAL_SECONDS)
            raise

    async def aclose(self) -> None:
        """Cancels the task that looks each second, and the question under way."""
        tasks = {task for task in (self._looking, self._asking) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._node.resolve_again()

    async def _agreed(self) -> Address:
        if self._asking is None or self._asking.done():
            self._asking = start_task(
                find_agreed_master(self._url), name="store-agreed", awaited=True
            )
        # Shielded: who gives up waiting must not end it for the others.
        return await asyncio.shield(self._asking)
