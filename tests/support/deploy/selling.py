"""One seat sold, from the line to the ledger, through whatever stands before the service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from support.api_client import Answer, Api, create


async def sell_one(
    operator: Api, sale: str, *, visitor: Api | None = None, shop: Api | None = None
) -> None:
    """Makes the sale, takes one buyer through the line, and confirms the hold as the shop does.

    `visitor` is where the public comes in, `shop` the shop's server; by default as the operator.
    """
    shop = shop or operator
    await create(operator, sale)
    buyer = await (visitor or operator).as_(None).admitted(sale)
    held = await buyer.hold(sale, {"areas": [{"id": "floor", "quantity": 1}]})
    assert held.status == 201, held
    paying = await shop.post(f"/v1/sales/{sale}/holds/{held.body['id']}/paying")
    assert paying.status == 200, paying
    confirmed = await shop.confirm(sale, held.body)
    assert (confirmed.status, confirmed.body["status"]) == (200, "confirmed"), confirmed
    orders = await shop.get(f"/v1/sales/{sale}/orders")
    assert [order["id"] for order in orders.body["items"]] == [held.body["id"]]


class Patient(Api):
    """A client that comes again when it is told to: workers find a new primary one by one."""

    def as_(self, token: str | None) -> Patient:
        return Patient(self.http, self.url, token)

    async def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        for _ in range(60):
            answer = await super().call(method, path, body, headers)
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        return answer


@dataclass
class Clients:
    """Who uses a deployment, each where it is let in."""

    visitor: Api
    operator: Api
    shop: Api

    async def sell(self, sale: str) -> None:
        await sell_one(self.operator, sale, visitor=self.visitor, shop=self.shop)
