"""HTTP answers that never arrive: the service has done what it was asked, and nobody knows.

Whoever asks again in the same words comes to the same end, and nothing has happened twice.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from support.api_client import Answer, Api, create
from support.network.silent_proxy import SilentProxy, silent_proxy
from support.service.reconciled import reconciled
from support.service.running import Service

from holdfast_connector import IdentitySigner

WISH = {"areas": [{"id": "floor", "quantity": 3}], "buyer": "ann"}
ORIGIN = "https://shop.example"


@pytest.fixture
async def proxy(shared_service: Service) -> AsyncIterator[SilentProxy]:
    async with silent_proxy(shared_service.url) as running:
        yield running


class Shaky:
    """A client behind the proxy, who loses the first answer to each thing and asks again."""

    def __init__(self, api: Api, proxy: SilentProxy, sale: str) -> None:
        self.api = Api(api.http, proxy.url, api.token)
        self._proxy, self._path = proxy, f"/v1/sales/{sale}/"

    async def post(self, path: str, body: object = None, **headers: str) -> tuple[bytes, Answer]:
        """The head of the answer that was lost, and the answer to the repeat."""
        path = self._path + path
        self._proxy.swallow(f"POST {path} ")
        with pytest.raises(aiohttp.ClientError):
            await self.api.post(path, body, **headers)
        return self._proxy.swallowed.pop(), await self.api.post(path, body, **headers)


@pytest.fixture
async def shop(platform: Api, operator: Api, proxy: SilentProxy, name: str) -> Shaky:
    """The server of a shop with a new sale."""
    await create(operator, name, identity="optional", return_origins=[ORIGIN])
    return Shaky(platform, proxy, name)


@pytest.fixture
def visitor(shop: Shaky, proxy: SilentProxy, name: str) -> Shaky:
    return Shaky(shop.api.as_(None), proxy, name)


async def events(shop: Shaky, name: str) -> list[dict[str, Any]]:
    page = await shop.api.get(f"/v1/sales/{name}/events?limit=500")
    items: list[dict[str, Any]] = page.body["items"]
    return items


async def kinds(shop: Shaky, name: str) -> Counter[str]:
    return Counter(event["type"] for event in await events(shop, name))


async def held(shop: Shaky, name: str) -> dict[str, Any]:
    hold = await shop.api.hold(name, WISH)
    assert hold.status == 201, hold
    body: dict[str, Any] = hold.body
    return body


async def confirmed(shop: Shaky, name: str) -> dict[str, Any]:
    hold = await held(shop, name)
    assert (await shop.api.confirm(name, hold)).status == 200
    return hold


async def test_lost_answer_to_a_join_costs_a_number_and_is_nobody_elses(
    visitor: Shaky, shop: Shaky, operator: Api, name: str
) -> None:
    """Without anything to know the visitor by, the repeat is a new place behind the lost one."""
    await operator.patch(f"/v1/sales/{name}", {"queue_all": True})
    lost, again = await visitor.post("tickets")
    assert lost.startswith(b"HTTP/1.1 201")
    others = [await visitor.api.post(f"/v1/sales/{name}/tickets") for _ in range(3)]
    assert [answer.body["number"] for answer in (again, *others)] == [2, 3, 4, 5]


async def test_lost_answer_to_the_join_of_an_identity_is_the_same_place(
    visitor: Shaky, operator: Api, name: str
) -> None:
    await operator.patch(f"/v1/sales/{name}", {"queue_all": True})
    key = (await operator.get(f"/v1/sales/{name}/identity-key")).body
    token = IdentitySigner.from_json(json.dumps(key)).sign("customer-7")
    lost, again = await visitor.post("tickets", {"identity": token})
    assert lost.startswith(b"HTTP/1.1 201")
    assert (again.status, again.body["number"]) == (200, 1)


async def test_lost_answer_to_a_claim_is_the_same_pass(
    visitor: Shaky, shop: Shaky, operator: Api, name: str
) -> None:
    await operator.patch(f"/v1/sales/{name}", {"queue_all": True})
    ticket = {"Holdfast-Ticket": await visitor.api.join(name)}
    await operator.patch(f"/v1/sales/{name}", {"queue_all": False})
    await visitor.api.claim(name, await visitor.api.join(name))  # the line moves again
    lost, again = await visitor.post("pass", **ticket)
    assert lost.startswith(b"HTTP/1.1 201")
    assert (again.status, again.body["pass_id"].encode() in lost) == (200, True)
    issued = [e["subject"] for e in await events(shop, name) if e["type"] == "pass.issued"]
    assert issued.count(again.body["pass_id"]) == 1
    assert len(set(issued)) == len(issued)


async def test_lost_answer_to_an_exchange_costs_a_hand_off_and_no_pass(
    visitor: Shaky, name: str
) -> None:
    ticket = {"Holdfast-Ticket": await visitor.api.join(name)}
    body = {"return_url": f"{ORIGIN}/hall"}
    claimed = await visitor.api.post(f"/v1/sales/{name}/pass", body, **ticket)
    lost, again = await visitor.post("pass/exchange", exchange_of(claimed), Origin=ORIGIN)
    assert lost.startswith(b"HTTP/1.1 200")
    assert again.code == "handoff_used"
    claimed = await visitor.api.post(f"/v1/sales/{name}/pass", body, **ticket)
    other = await visitor.api.post(
        f"/v1/sales/{name}/pass/exchange", exchange_of(claimed), Origin=ORIGIN
    )
    assert (other.status, other.body["pass_id"]) == (200, claimed.body["pass_id"])


def exchange_of(claimed: Answer) -> dict[str, str]:
    return {"token": claimed.body["redirect_to"].rpartition("holdfast_token=")[2]}


async def test_lost_answer_to_a_hold_is_the_same_hold(
    shop: Shaky, shared_service: Service, name: str
) -> None:
    lost, again = await shop.post("holds", WISH, **{"Idempotency-Key": "the-key"})
    assert lost.startswith(b"HTTP/1.1 201")
    assert (again.status, again.body["id"].encode() in lost) == (201, True)
    seats = (await shop.api.get(f"/v1/sales/{name}/seats")).body
    assert seats["areas"]["floor"]["held"] == 3
    assert (await kinds(shop, name))["hold.created"] == 1
    await reconciled(shared_service, name)


async def test_lost_answer_to_an_extension_and_a_release_is_the_same_end(
    shop: Shaky, name: str
) -> None:
    hold = await held(shop, name)
    lost, again = await shop.post(f"holds/{hold['id']}/extend")
    assert lost.startswith(b"HTTP/1.1 200")
    assert (again.status, again.body["status"]) == (200, "active")
    lost, again = await shop.post(f"holds/{hold['id']}/release")
    assert lost.startswith(b"HTTP/1.1 200")
    assert (again.status, again.body["status"]) == (200, "released")
    assert (await kinds(shop, name))["hold.released"] == 1


async def test_lost_answers_to_paying_and_confirm_are_one_order(
    shop: Shaky, shared_service: Service, name: str
) -> None:
    hold = await held(shop, name)
    lost, again = await shop.post(f"holds/{hold['id']}/paying", {"order_ref": "o"})
    assert lost.startswith(b"HTTP/1.1 200")
    assert (again.status, again.body["status"]) == (200, "paying")
    payment = {"order_ref": "o", "payment_ref": "p", "amount": hold["total"]}
    lost, again = await shop.post(f"holds/{hold['id']}/confirm", payment)
    assert lost.startswith(b"HTTP/1.1 200")
    assert (again.status, again.body["status"]) == (200, "confirmed")
    other = await shop.api.post(
        f"/v1/sales/{name}/holds/{hold['id']}/confirm", {**payment, "payment_ref": "other"}
    )
    assert (other.status, other.code) == (409, "order_mismatch")
    orders = (await shop.api.get(f"/v1/sales/{name}/orders")).body["items"]
    assert [order["id"] for order in orders] == [hold["id"]]
    assert (await kinds(shop, name))["order.confirmed"] == 1
    await reconciled(shared_service, name)


async def test_lost_answer_to_a_refund_gives_back_once(
    shop: Shaky, shared_service: Service, name: str
) -> None:
    """A part of it, under a key; then the rest, which needs none."""
    hold = await confirmed(shop, name)
    part = {"items": [{"area": "floor", "quantity": 1}]}
    path = f"orders/{hold['id']}/refund"
    lost, again = await shop.post(path, part, **{"Idempotency-Key": "refund-1"})
    assert lost.startswith(b"HTTP/1.1 200")
    assert (again.status, again.body["refunded_amount"]) == (200, hold["total"] // 3)
    lost, again = await shop.post(path)
    assert lost.startswith(b"HTTP/1.1 200")
    assert (again.body["status"], again.body["refunded_amount"]) == ("refunded", hold["total"])
    seats = (await shop.api.get(f"/v1/sales/{name}/seats")).body
    assert seats["areas"]["floor"] == {"free": 100, "held": 0, "booked": 0, "capacity": 100}
    assert (await kinds(shop, name))["order.refunded"] == 2
    await reconciled(shared_service, name)
