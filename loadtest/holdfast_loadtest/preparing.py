"""Prepares a sale for a load test: makes one as a scenario says, or finds one that is there.

Start times are told by the clock of the service, not by that of this machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from holdfast_loadtest.crowd.offer import Offer, offer_of
from holdfast_loadtest.sale_api import SaleApi
from holdfast_loadtest.wire import Plan, Sale, SeatMap
from holdfast_simulator.world import SaleWorld

PRICE: Final = 4_500
ROW_SEATS: Final = 20
SHOP_ORIGIN: Final = "https://shop.loadtest.example"
"""of the storefront that a load test plays; nothing is ever sent there"""
STOCK: Final = frozenset({"areas", "seats", "plan", "prices"})
"""fields of a `SaleWorld` that the API has in another form"""


class Unprepared(Exception):
    """No sale to test with exists, and none could be created."""


class SalePreparer:
    """One deployment, one sale, one key. Every method raises ApiFault for what is refused."""

    def __init__(self, url: str, sale: str, key: str) -> None:
        self._api = SaleApi(url, key)
        self._sale = sale

    def make(self, world: SaleWorld, lobby_seconds: float = 0.0) -> float:
        """Creates the sale; answers in how many seconds it opens, 0 where it is open at once.

        With a lobby it is open from now on, and the sale begins `lobby_seconds` later.
        """
        if self._api.find(self._sale) is not None:
            raise Unprepared(f"there is a sale {self._sale!r} already")
        body = sale_body(self._sale, world)
        asked, now = time.monotonic(), self._api.answered_at
        if lobby_seconds > 0:
            body["prequeue_start_time"] = (now - timedelta(minutes=1)).isoformat()
            body["event_start_time"] = (now + timedelta(seconds=lobby_seconds)).isoformat()
        self._api.put(self._sale, body)
        return max(0.0, lobby_seconds - (time.monotonic() - asked))

    def opens_in(self) -> float:
        """Seconds until a sale that is there opens; 0 when it has, or has no start."""
        start = self._api.read(self._sale, "", Sale).event_start_time
        return max(0.0, (start - self._api.answered_at).total_seconds()) if start else 0.0

    def offer(self) -> Offer:
        """What the sale offers."""
        read = self._api.read
        sale, seat_map = read(self._sale, "", Sale), read(self._sale, "/seats", SeatMap)
        return offer_of(sale, self._api.plan(self._sale, Plan) or Plan(), seat_map)


def sale_body(name: str, world: SaleWorld) -> dict[str, Any]:
    """The body of `PUT /v1/sales/{sale}` that makes the world's sale, marked as a test for good."""
    settings = {
        field: getattr(world, field) for field in world.__struct_fields__ if field not in STOCK
    }
    kind = {"name": name, "test": True, "return_origins": [SHOP_ORIGIN]}
    body: dict[str, Any] = kind | settings
    if world.areas:
        body["areas"] = [
            {"id": area, "name": area, "capacity": units, "category": area}
            for area, units in world.areas.items()
        ]
    if world.plan is not None:
        body["plan"] = json.loads(Path(world.plan).read_bytes())
    elif world.seats:
        body["plan"] = seating_plan(world.seats)
    body["prices"] = dict.fromkeys(world.stock(), PRICE) | world.prices
    return body


def seating_plan(seats: Mapping[str, int]) -> dict[str, Any]:
    """A plan with a zone for each category, in rows of `ROW_SEATS`."""
    return {
        "categories": [{"name": category} for category in seats],
        "zones": [
            {"name": category, "zone_id": category, "rows": list(_rows(category, count))}
            for category, count in seats.items()
        ],
    }


def _rows(category: str, count: int) -> Iterator[dict[str, Any]]:
    for row, first in enumerate(range(0, count, ROW_SEATS), 1):
        yield {
            "row_number": str(row),
            "position": {"x": 0, "y": 20 * row},
            "seats": [
                {
                    "seat_guid": f"{category}-{row}-{seat}",
                    "seat_number": str(seat),
                    "category": category,
                    "position": {"x": 20 * seat, "y": 0},
                }
                for seat in range(1, min(ROW_SEATS, count - first) + 1)
            ],
        }
