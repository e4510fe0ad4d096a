"""One question to one server, on a connection of its own, outside all batches.

Used where the executor cannot be: to find the master or the slots before there is a node to send
to, and to look at a store before the service starts on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast_lua.link import Address, Call, Link, LinkSettings, close_link, open_link
from holdfast_lua.wire import Argument, ReplyError


class _Nobody:
    """Owner of a link whose only calls are the link's own."""

    def link_reply(self, link: Link, call: Call, reply: Any) -> None:
        """Never called: own calls are answered through their futures."""

    def link_lost(self, link: Link, calls: Sequence[Call], reason: str) -> None:
        """Own calls are failed by the link."""

    def link_writable(self, link: Link) -> None:
        """Nothing waits."""


async def ask_all(
    address: Address, settings: LinkSettings, *questions: Sequence[Argument]
) -> list[Any]:
    """The replies to several commands; an error reply raises OSError with the server's words."""
    link = await open_link(_Nobody(), address, settings)
    try:
        replies = [await link.ask(*question) for question in questions]
    finally:
        await close_link(link)
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise ConnectionError(f"{address}: {reply.text}")
    return replies


async def ask_once(address: Address, settings: LinkSettings, *question: Argument) -> Any:
    """The reply to one command; see `ask_all`."""
    return (await ask_all(address, settings, question))[0]
