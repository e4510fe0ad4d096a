"""Asks the servers of a Cluster who serves which slot, and goes by the newest of their views.

A server that is cut off from the others, with or without clients, goes on naming itself as the
master of its slots after another has taken over. So all are asked at once, and when more than half
have answered, the view of the highest epoch is taken: each failover raises it. A server that says
itself that the Cluster is down, as one does that has lost the majority, is believed only when no
other answers. Nobody waits for those that are dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from holdfast_lua.client.exchange import exchange
from holdfast_lua.client.link import Address, LinkSettings
from holdfast_tasks import start_task

ASK_SECONDS: Final = 2.0
SLOTS: Final = 16_384


@dataclass(frozen=True, slots=True)
class SlotView:
    """What one server says: the master of every slot that has one, and how new that is."""

    slots: dict[int, Address]
    is_up: bool
    epoch: int


async def ask_slots(asked: Address, settings: LinkSettings) -> SlotView:
    """The slots as one server knows them; OSError when it does not know them."""
    async with asyncio.timeout(ASK_SECONDS):
        info, slots = await exchange(asked, settings, ("CLUSTER", "INFO"), ("CLUSTER", "SLOTS"))
    try:
        facts = dict(line.split(":", 1) for line in info.split())
        is_up, epoch = facts["cluster_state"] == "ok", int(facts["cluster_current_epoch"])
        return SlotView(_read_slots(slots, asked), is_up, epoch)
    except (TypeError, ValueError, AttributeError, KeyError) as fault:
        raise ConnectionError(f"{asked}: CLUSTER SLOTS has an unknown form") from fault


def _read_slots(reply: Any, asked: Address) -> dict[int, Address]:
    slots: dict[int, Address] = {}
    for first, last, (host, port, *_), *_ in reply:
        # an unnamed master is the one that we asked
        address = Address(host or asked.host, int(port))
        slots.update(dict.fromkeys(range(first, last + 1), address))
    return slots


async def find_slots(asked: Collection[Address], settings: LinkSettings) -> SlotView:
    """The newest view of those that answer first; OSError when none does."""
    asking = [
        start_task(ask_slots(address, settings), name="ask for slots", awaited=True)
        for address in asked
    ]
    views: list[SlotView] = []
    fault: OSError = ConnectionError("no server of the cluster answers")
    try:
        for answer in asyncio.as_completed(asking):
            try:
                views.append(await answer)
            except OSError as reason:
                fault = reason
            if len(views) > len(asked) / 2:
                break
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    if not views:
        raise fault
    return max(views, key=lambda view: (view.is_up, view.epoch))
