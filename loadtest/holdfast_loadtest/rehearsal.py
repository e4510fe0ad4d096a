"""A sale to rehearse with: found by its name, or made from a seating plan when there is none.

Plain blocking calls, for it runs before any load and also under Locust, whose gevent and asyncio do
not mix.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.wire import Plan, Sale, SeatMap

TIMEOUT_SECONDS: Final = 30
PRICE: Final = 4_500
FLOOR: Final = {"id": "floor", "name": "Floor", "capacity": 50_000, "category": "GA"}
SETTINGS: Final[dict[str, Any]] = {
    "new_users_per_minute": 6_000,
    "burst": 100,
    "total_active_users": 20_000,
    "claim_window_seconds": 30,
    "first_hold_seconds": 60,
    "hold_seconds": 120,
}

T = TypeVar("T")


class Unprepared(Exception):
    """There is no sale to rehearse with, and none could be made."""


class Rehearsal:
    """One deployment, one sale, one key."""

    def __init__(self, url: str, sale: str, key: str) -> None:
        self._base = f"{url.rstrip('/')}/v1/sales/{sale}"
        self._sale = sale
        self._key = key

    def prepare(self, plan: Path) -> Offer:
        """The offer of the sale, which is made from `plan` if it does not exist."""
        status, _ = self._call("GET", "")
        if status == HTTPStatus.NOT_FOUND:
            self._make(plan)
        sale = self._read("", Sale)
        seats = self._read("/seats", SeatMap)
        return Offer(
            self._read("/plan", Plan).rows(),
            tuple(seats.areas),
            sale.max_units_per_buyer,
            sale.hold_seconds,
        )

    def _make(self, plan: Path) -> None:
        drawing = json.loads(plan.read_bytes())
        categories = [category["name"] for category in drawing["categories"]]
        prices = dict.fromkeys([*categories, FLOOR["category"]], PRICE)
        body = {"name": self._sale, "prices": prices, "plan": drawing, "areas": [FLOOR], **SETTINGS}
        self._expect("PUT", "", body)
        self._expect("POST", "/open")

    def _read(self, route: str, kind: type[T]) -> T:
        return msgspec.json.decode(self._expect("GET", route), type=kind)

    def _expect(self, method: str, route: str, body: object | None = None) -> bytes:
        status, answer = self._call(method, route, body)
        if not 200 <= status < 300:
            raise Unprepared(f"{method} {self._base}{route}: {status} {answer[:300].decode()}")
        return answer

    def _call(self, method: str, route: str, body: object | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310 - the URL is the operator's own
            self._base + route,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                return response.status, response.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()
        except OSError as error:
            raise Unprepared(f"{self._base}: {error}") from error
