"""What a crowd must know before it comes: read from the sale itself, through the contract."""

from __future__ import annotations

from holdfast_loadtest.audit.evidence import gather_sale_documents
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.wire import Plan, Sale, SeatMap


async def read_offer(shop: ShopCalls) -> Offer:
    """The rows, areas and limits of the sale that `shop` speaks about."""
    return offer_of(*await gather_sale_documents(shop))


def offer_of(sale: Sale, plan: Plan, seat_map: SeatMap) -> Offer:
    """What the documents of a sale say that it offers."""
    return Offer(
        rows=plan.rows(),
        areas=tuple(seat_map.areas),
        units_per_buyer=sale.max_units_per_buyer,
        hold_seconds=sale.hold_seconds,
        categories=plan.categories(),
        return_origins=tuple(sale.return_origins),
        first_hold_seconds=sale.first_hold_seconds,
    )
