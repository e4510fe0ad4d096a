"""What a crowd must know before it comes: read from the sale itself, through the contract."""

from __future__ import annotations

from holdfast_loadtest.audit.evidence import gather_hall_documents
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.crowd.offer import Hall


async def look_around(shop: ShopCalls) -> Hall:
    """The rows, areas and limits of the sale that `shop` speaks about."""
    sale, plan, seat_map = await gather_hall_documents(shop)
    return Hall(
        rows=plan.rows(),
        areas=tuple(seat_map.areas),
        units_per_buyer=sale.max_units_per_buyer,
        hold_seconds=sale.hold_seconds,
    )
