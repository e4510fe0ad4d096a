"""Prepares a sale for a load test: makes one as a scenario says, or finds one that is there.

Plain blocking calls, for they run before any load and also under Locust, whose gevent and asyncio
do not mix. Start times are told by the clock of the service, not by that of this machine.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.opening import offer_of
from holdfast_loadtest.wire import Plan, Sale, SeatMap
from holdfast_simulator.world import SaleWorld

TIMEOUT_SECONDS: Final = 30
DATE: Final = "Date"
PRICE: Final = 4_500
ROW_SEATS: Final = 20
SHOP_ORIGIN: Final = "https://shop.loadtest.example"
"""of the storefront that a load test plays; nothing is ever sent there"""
STOCK: Final = frozenset({"areas", "seats", "plan", "prices"})
"""fields of a `SaleWorld` that are not settings of the API"""

T = TypeVar("T")


class Unprepared(Exception):
    """There is no sale to test with, and none could be made."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    date: datetime


class SalePreparer:
    """One deployment, one sale, one key."""

    def __init__(self, url: str, sale: str, key: str) -> None:
        self._base = f"{url.rstrip('/')}/v1/sales/{sale}"
        self._sale = sale
        self._key = key

    def make(self, world: SaleWorld, lobby_seconds: float = 0.0) -> float:
        """Creates the sale; answers in how many seconds it opens, 0 where it is open at once.

        With a lobby it is open from now on, and the sale begins `lobby_seconds` later.
        """
        found = self._call("GET", "")
        if found.status == HTTPStatus.OK:
            raise Unprepared(f"there is a sale {self._sale!r} already")
        body = sale_body(self._sale, world)
        asked, start = time.monotonic(), found.date + timedelta(seconds=lobby_seconds)
        if lobby_seconds > 0:
            body["prequeue_start_time"] = _rfc3339(found.date - timedelta(minutes=1))
            body["event_start_time"] = _rfc3339(start)
        self._expect("PUT", "", body)
        return max(0.0, lobby_seconds - (time.monotonic() - asked))

    def opens_in(self) -> float:
        """In how many seconds a sale that is there opens; 0 when it has, or has no start."""
        reply = self._call("GET", "")
        start = msgspec.json.decode(self._checked("GET", "", reply), type=Sale).event_start_time
        if start is None:
            return 0.0
        return max(0.0, (start - reply.date).total_seconds())

    def offer(self) -> Offer:
        """What the sale offers; Unprepared when there is no such sale."""
        sale, seat_map = self._read("", Sale), self._read("/seats", SeatMap)
        return offer_of(sale, self._plan(), seat_map)

    def _plan(self) -> Plan:
        reply = self._call("GET", "/plan")
        if reply.status == HTTPStatus.NOT_FOUND:
            return Plan()
        return msgspec.json.decode(self._checked("GET", "/plan", reply), type=Plan)

    def _read(self, route: str, kind: type[T]) -> T:
        return msgspec.json.decode(self._expect("GET", route), type=kind)

    def _expect(self, method: str, route: str, body: object | None = None) -> bytes:
        return self._checked(method, route, self._call(method, route, body))

    def _checked(self, method: str, route: str, reply: _Reply) -> bytes:
        if not 200 <= reply.status < 300:
            told = reply.body[:300].decode(errors="replace")
            raise Unprepared(f"{method} {self._base}{route}: {reply.status} {told}")
        return reply.body

    def _call(self, method: str, route: str, body: object | None = None) -> _Reply:
        request = urllib.request.Request(  # noqa: S310 - the URL is the operator's own
            self._base + route,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                return _Reply(response.status, response.read(), _date(response.headers.get(DATE)))
        except urllib.error.HTTPError as refusal:
            return _Reply(refusal.code, refusal.read(), _date(refusal.headers.get(DATE)))
        except OSError as error:
            raise Unprepared(f"{self._base}: {error}") from error


def sale_body(name: str, world: SaleWorld) -> dict[str, Any]:
    """The body of `PUT /v1/sales/{sale}` that makes the world's sale, marked as a test for good."""
    settings = {field: value for field, value in _fields(world) if field not in STOCK}
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


def _fields(world: SaleWorld) -> Iterator[tuple[str, Any]]:
    return ((field, getattr(world, field)) for field in world.__struct_fields__)


def _date(told: str | None) -> datetime:
    """What time it is for the service, to half a second: the header has whole ones."""
    if told is None:
        return datetime.now(UTC)
    return parsedate_to_datetime(told) + timedelta(seconds=0.5)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
