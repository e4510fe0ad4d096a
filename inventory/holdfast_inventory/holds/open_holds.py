"""Reads the open holds of a sale: all that have units which are not sold, whoever has them.

There is no index by age, since every hold would pay for it and only operators read it. The holds of
the store are read in pages of a bounded size, between which it serves others, and what is not open
stays there. So a page of this list costs a pass over the holds, and no memory beyond its own items.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from typing import Final

from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_lua.calls.records import HoldRecord
from holdfast_web.errors import ErrorCode, HoldfastError

SCANS_MAX: Final = 20_000
"""of a few hundred holds each"""
PASSES_AT_ONCE: Final = 2
"""over all holds of a sale, in one process: the store has others to serve"""
PASS_SECONDS: Final = 20.0
"""60,000 holds take 120 calls and 0.4 s of processor time"""
RETRY_SECONDS: Final = 2

HoldKey = tuple[int, str]
"""When a hold was made (ms of store time), and its id: the order of the list."""


def hold_key(hold: HoldRecord) -> HoldKey:
    """The place of a hold in the list."""
    return hold.created_ms, hold.id


async def page_open_holds(
    inventory: SaleInventory, *, after: HoldKey, limit: int
) -> list[HoldRecord]:
    """Up to `limit` open holds behind `after`, the oldest first.

    A hold past its deadline that nobody has swept yet is still among them, shown as expired.
    Raises 503 `overloaded` when the pass takes longer than PASS_SECONDS.
    """
    try:
        async with asyncio.timeout(PASS_SECONDS):
            return await _first_open_holds(inventory, after, limit)
    except TimeoutError:
        raise HoldfastError(
            ErrorCode.OVERLOADED,
            "The holds could not be read in time.",
            retry_after=RETRY_SECONDS,
        ) from None


async def _first_open_holds(
    inventory: SaleInventory, after: HoldKey, limit: int
) -> list[HoldRecord]:
    first: dict[str, HoldRecord] = {}
    async for holds in scan_open_holds(inventory):
        for hold in holds:
            if hold_key(hold) > after:
                first[hold.id] = hold  # the same hold may come twice, the later time as it is then
        if len(first) > limit:
            kept = heapq.nsmallest(limit, first.values(), key=hold_key)
            first = {hold.id: hold for hold in kept}
    return sorted(first.values(), key=hold_key)


async def open_holds_of_pass(inventory: SaleInventory, pass_id: str) -> list[HoldRecord]:
    """The open holds that were made with a pass, the oldest first."""
    found: dict[str, HoldRecord] = {}
    async for holds in scan_open_holds(inventory):
        found |= {hold.id: hold for hold in holds if hold.pass_id == pass_id}
    return sorted(found.values(), key=hold_key)


async def scan_open_holds(inventory: SaleInventory) -> AsyncIterator[list[HoldRecord]]:
    """All open holds, a bounded number at a time and in no order."""
    cursor = 0
    for _ in range(SCANS_MAX):
        cursor, holds = await inventory.calls.scan_holds(inventory.ref, cursor, open_only=True)
        yield holds
        if cursor == 0:
            return
