"""Releases what is set aside for a channel, so that everybody may buy it."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_inventory.holds.choice import row_segment
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import Plan
from holdfast_lua.calls.records import RowSegment


def allotted_channels(inventory: SaleInventory, names: str) -> frozenset[str]:
    """The channels that `names`, as `AllottedUnits` gives them to the store, count apart."""
    plan, named = inventory.plan, set(names.split())
    kinds = {kind.channel for at, kind in enumerate(plan.kinds) if str(at * plan.levels) in named}
    areas = {area.channel for at, area in enumerate(inventory.settings.areas) if f"a{at}" in named}
    return frozenset(kinds | areas)


async def release(inventory: SaleInventory, channels: Iterable[str]) -> None:
    """Has the store count the channels' units as free, announce them, and wake the line.

    Harmless to repeat and never undone: call it when nothing can be refused any more.
    """
    for channel in sorted(channels):
        areas = [at for at, area in enumerate(inventory.settings.areas) if area.channel == channel]
        rows = allotted_rows(inventory.plan, channel)
        await inventory.calls.release_allotment(inventory.ref, channel, rows, areas)


def allotted_rows(plan: Plan, channel: str) -> list[RowSegment]:
    """The row segments set aside for a channel."""
    return [
        row_segment(plan, position)
        for position, segment in enumerate(plan.segments)
        if plan.kinds[segment.kind].channel == channel
    ]
