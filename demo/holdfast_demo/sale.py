"""The sale of a demo: a sports hall of 1,221 seats from a real seating plan, and a standing floor.

Windows are short, so that calls lapse and holds expire while somebody watches. The floor grows with
the crowd, so that any crowd nearly sells it out. Some seats are blocked for the crowd and put on
sale after the audit, so that a person who looks around finds seats on the map.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from holdfast_demo.service import ServiceOptions
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Answer
from holdfast_loadtest.wire import Plan

SALE: Final = "concert"
PLAN_FILE: Final = "sports-hall.json"
MAX_NAMES: Final = 100
PRICES: Final = {"VIP": 9_500, "I": 6_500, "II": 4_500, "GA": 3_500}
FLOOR: Final = "floor"
FLOOR_PER_VISITOR: Final = 0.9
KEPT_BACK_ROWS: Final = 4
CLAIM_WINDOW_SECONDS: Final = 20
FIRST_HOLD_SECONDS: Final = 30
HOLD_SECONDS_FOR_A_PERSON: Final = 600
SESSION_MINUTES: Final = 5
ACTIVE_USERS_SECONDS_OF_RATE: Final = 60
UNITS_PER_BUYER: Final = 6


class SaleRefused(Exception):
    """The service refused to create, open or change the sale."""


@dataclass(frozen=True, slots=True)
class DemoSale:
    """The settings of the demo's sale."""

    visitors: int
    per_minute: int
    hold_seconds: int
    return_origins: Sequence[str]
    floor_per_visitor: float = FLOOR_PER_VISITOR

    def body(self, plan: bytes) -> dict[str, Any]:
        """The body of `PUT /v1/sales/{sale}`."""
        return {
            "name": "Spring concert in the sports hall",
            "new_users_per_minute": self.per_minute,
            "burst": 20,
            "total_active_users": max(100, self.per_minute * ACTIVE_USERS_SECONDS_OF_RATE // 60),
            "session_duration": SESSION_MINUTES,
            "claim_window_seconds": CLAIM_WINDOW_SECONDS,
            "first_hold_seconds": FIRST_HOLD_SECONDS,
            "hold_seconds": self.hold_seconds,
            "max_units_per_buyer": UNITS_PER_BUYER,
            "late_payment": "reacquire_same",
            "return_origins": list(self.return_origins),
            "prices": PRICES,
            "plan": json.loads(plan),
            "areas": [
                {
                    "id": FLOOR,
                    "name": "Standing floor",
                    "capacity": max(50, round(self.visitors * self.floor_per_visitor)),
                    "category": "GA",
                }
            ],
        }


def read_plan() -> bytes:
    """The sports hall: beside this module when installed from a wheel, in `examples/` of a
    checkout.
    """
    here = Path(__file__).resolve()
    for candidate in (here.parent / PLAN_FILE, here.parents[2] / "examples" / "plans" / PLAN_FILE):
        if candidate.is_file():
            return candidate.read_bytes()
    raise FileNotFoundError(f"{PLAN_FILE} is neither beside {here} nor in examples/plans")


class Operator:
    """Creates the sale, opens it, blocks a few seats and releases them after the audit."""

    def __init__(self, session: aiohttp.ClientSession, service: ServiceOptions) -> None:
        self._session = session
        self._service = service

    def shop(self, sale: str) -> ShopCalls:
        """Calls about one sale, not counted as the crowd's traffic."""
        client = self._service.client(self._session, sale)
        return ShopCalls(client, self._service.operator_key)

    async def put_on_sale(self, wanted: DemoSale) -> str:
        """Creates the sale under the first free name; answers the name."""
        plan = read_plan()
        name = await self._free_name()
        _expect(await self.shop(name).write("PUT", "", wanted.body(plan)), "create the sale")
        return name

    async def open(self, sale: str) -> None:
        _expect(await self.shop(sale).write("POST", "/open"), "open the sale")

    async def block_some_seats(self, sale: str) -> list[str]:
        """Blocks a few rows spread over the hall; answers their seats."""
        rows = msgspec.json.decode(read_plan(), type=Plan).rows()
        step = max(1, len(rows) // KEPT_BACK_ROWS)
        seats = [seat for row in rows[step // 2 :: step][:KEPT_BACK_ROWS] for seat in row]
        answer = await self.shop(sale).write("POST", "/seats/block", {"seats": seats})
        _expect(answer, "keep seats back")
        return seats

    async def release_seats(self, sale: str, seats: list[str]) -> None:
        """Unblocks the seats, and gives holds enough time for a person."""
        shop = self.shop(sale)
        answer = await shop.write("PATCH", "", {"hold_seconds": HOLD_SECONDS_FOR_A_PERSON})
        _expect(answer, "give people more time")
        answer = await shop.write("POST", "/seats/unblock", {"seats": seats})
        _expect(answer, "put the seats that were kept back on sale")

    async def _free_name(self) -> str:
        for number in range(1, MAX_NAMES + 1):
            name = SALE if number == 1 else f"{SALE}-{number}"
            answer = await self.shop(name).read("")
            if answer.status == 404:
                return name
        raise SaleRefused(f"{MAX_NAMES} demos are in this data directory already; use another")


def _expect(answer: Answer, what: str) -> None:
    if not answer.ok:
        problem = answer.problem()
        raise SaleRefused(f"could not {what}: {answer.status} {problem.code} {problem.detail}")
