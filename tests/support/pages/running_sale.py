"""A sale on a running service, and where its visitors are sent back to."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import aiohttp
from support.api_client import Api
from support.service.running import Service

WAIT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.1
CONNECTIONS: Final = 16
"""So many fresh ones reach each of the two or three workers of a test's service."""
GA = {"id": "floor", "name": "Floor", "capacity": 500, "category": "GA"}


@dataclass
class ReturnPage:
    """A shop that only writes down who came back."""

    origin: str
    visits: list[str] = field(default_factory=list)


@dataclass
class Sale:
    """A sale on the running service, as operator and visitors see it."""

    name: str
    operator: Api
    shop: str

    @property
    def visitor(self) -> Api:
        return self.operator.as_(None)

    def page(self, path: str = "", **query: str) -> str:
        """The address of the waiting page."""
        values = {"t": f"{self.shop}/seats", **query}
        return f"{self.operator.url}/wait/{self.name}{path}?{urlencode(values)}"

    async def issued(self, wanted: int) -> None:
        """Waits until the worker that answers knows of `wanted` tickets; fails on more or never."""
        async with asyncio.timeout(WAIT_SECONDS):
            seen = -1
            while seen != wanted:
                status = await self.visitor.get(f"/v1/sales/{self.name}/status")
                seen = status.body["issued"]
                assert seen <= wanted, status
                await asyncio.sleep(POLL_SECONDS)

    async def shown(self, **fields: object) -> None:
        """Waits until whichever worker answers shows them: each learns of it by its own tick."""
        path, alone, seen = f"/v1/sales/{self.name}", {"Connection": "close"}, 0
        async with asyncio.timeout(WAIT_SECONDS):
            while seen < CONNECTIONS:
                sale = await self.operator.call("GET", path, headers=alone)
                status = await self.visitor.call("GET", f"{path}/status", headers=alone)
                told = {**sale.body, "state": status.body["state"]}
                seen = seen + 1 if fields.items() <= told.items() else 0
                await asyncio.sleep(POLL_SECONDS if seen == 0 else 0)

    async def tell(self, operation: str) -> None:
        """Opens, pauses, ... the sale; whoever asks afterwards sees it."""
        told = await self.operator.post(f"/v1/sales/{self.name}/{operation}")
        assert told.status == 200, told
        await self.shown(state=told.body["state"])

    async def change(self, **fields: object) -> None:
        changed = await self.operator.patch(f"/v1/sales/{self.name}", fields)
        assert changed.status == 200, changed
        await self.shown(**{name: changed.body[name] for name in fields})


async def make_sale(
    service: Service,
    http: aiohttp.ClientSession,
    shop: str,
    fields: Mapping[str, object] | None = None,
) -> Sale:
    name = f"page-{secrets.token_hex(5)}"
    operator = Api(http, service.url, service.operator_key)
    body = {
        "name": "Night at the hall",
        "areas": [GA],
        "prices": {"GA": 4500},
        "new_users_per_minute": 6000,
        "return_origins": [shop],
        **(fields or {}),
    }
    made = await operator.put(f"/v1/sales/{name}", body)
    assert made.status == 201, made
    return Sale(name, operator, shop)
