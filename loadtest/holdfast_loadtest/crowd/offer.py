"""What is on sale, as a visitor's page knows it: the rows of the plan, the areas, the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

from holdfast_loadtest.audit.evidence import gather_sale_documents
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.wire import Plan, Sale, SeatMap


@dataclass
class Offer:
    """What is on sale, as a visitor's page knows it; `categories` are those of seats, by guid."""

    rows: list[list[str]] = field(default_factory=list)
    areas: tuple[str, ...] = ()
    units_per_buyer: int = 6
    hold_seconds: float = 1800.0
    categories: Mapping[str, str] = field(default_factory=dict)
    return_origins: tuple[str, ...] = ()
    first_hold_seconds: float = 180.0

    def __post_init__(self) -> None:
        self.guids: list[str] = [guid for row in self.rows for guid in row]
        self._segments: dict[str | None, list[range]] = {None: []}
        at = 0
        for row in self.rows:
            self._segments[None].append(range(at, at + len(row)))
            for category, seats in groupby(row, self.categories.get):
                stop = at + len(list(seats))
                if category is not None:
                    self._segments.setdefault(category, []).append(range(at, stop))
                at = stop

    @property
    def seats(self) -> int:
        return len(self.guids)

    def segments(self, category: str | None) -> list[range]:
        """The runs of neighbours of a category, or all rows, as indices into the plan's seats."""
        return self._segments.get(category, [])


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
