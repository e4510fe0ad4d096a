from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from support.ledger.small_sale import Shop

from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.http import orders as orders_routes
from holdfast_inventory.http.request import INVENTORIES
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_metrics.metrics import Metrics
from holdfast_web.credentials import (
    API_KEYS,
    PASS_VERIFIER,
    ApiKey,
    PassClaims,
    Role,
)
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.request.client_address import TRUSTED_PROXIES
from holdfast_web.request.pagination import encode_cursor
from holdfast_web.trusted_proxies import TrustedProxies

Client = TestClient[web.Request, web.Application]

PLATFORM = {"Authorization": "Bearer platform-key"}
VIEWER = {"Authorization": "Bearer viewer-key"}
ANN = {"Authorization": "Bearer pass.of.ann"}
BOB = {"Authorization": "Bearer pass.of.bob"}
STALE = {"Authorization": "Bearer pass.of.before"}
KEYS = {
    "platform-key": ApiKey("k1", Role.PLATFORM, "shop"),
    "viewer-key": ApiKey("k2", Role.VIEWER, "screen"),
}


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[Client]:
    """The routes of orders alone, over a real socket."""
    app = web.Application()

    async def key(digest: str) -> ApiKey | None:
        return KEYS.get(digest)

    async def inventory(name: str) -> SaleInventory:
        if name != shop.inventory.name:
            raise HoldfastError(ErrorCode.UNKNOWN_SALE)
        return shop.inventory

    def verify(token: str, sale: str, uid: str | None) -> PassClaims | None:
        subject = token.removeprefix("pass.of.")
        of = "earlier" if subject == "before" else shop.inventory.uid
        return PassClaims(sale, of, "pass-id", subject, 2**40) if uid in (None, of) else None

    app[API_KEYS], app[INVENTORIES], app[PASS_VERIFIER] = key, inventory, verify
    app[METRICS], app[TRUSTED_PROXIES] = Metrics(), TrustedProxies()
    app[orders_routes.ORDER_LEDGER] = shop.ledger
    orders_routes.add_routes(app)
    async with TestClient(TestServer(app)) as running:
        yield running


def paid(hold: HoldRecord, **changes: object) -> dict[str, object]:
    """The body of a confirm."""
    body = {"order_ref": "ref-1", "payment_ref": "pay-1", "amount": hold.total}
    return body | changes


class Api:
    """Requests to the shop's sale."""

    def __init__(self, client: Client, sale: str) -> None:
        self._client, self._base = client, f"/v1/sales/{sale}"

    async def __call__(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: object = None,
    ) -> tuple[int, dict[str, Any]]:
        async with self._client.request(
            method, self._base + path, headers=headers, json=body
        ) as response:
            return response.status, await response.json(content_type=None)


@pytest.fixture
def api(client: Client, shop: Shop) -> Api:
    return Api(client, shop.inventory.name)


async def test_confirm_answers_with_the_order(api: Api, shop: Shop) -> None:
    hold = await shop.hold("r1s1", floor=2)
    status, answer = await api("POST", f"/holds/{hold.id}/confirm", PLATFORM, paid(hold))
    assert (status, answer["status"]) == (200, "confirmed")
    order = answer["order"]
    assert (order["id"], order["status"], order["sale"]) == (
        hold.id,
        "confirmed",
        shop.inventory.name,
    )
    assert (order["order_ref"], order["payment_ref"], order["amount"]) == ("ref-1", "pay-1", 6500)
    assert order["items"] == [
        {
            "seat": "r1s1",
            "label": "Stalls, row 1, seat 1",
            "category": "A",
            "price": 4500,
            "quantity": 1,
            "refunded": 0,
        },
        {
            "area": "floor",
            "label": "Floor",
            "category": "GA",
            "price": 1000,
            "quantity": 2,
            "refunded": 0,
        },
    ]
    again = await api("POST", f"/holds/{hold.id}/confirm", PLATFORM, paid(hold))
    assert again == (status, answer)
    assert await api("GET", f"/orders/{hold.id}", PLATFORM) == (200, order)


@pytest.mark.parametrize("field", ["order_ref", "payment_ref"])
async def test_reference_that_no_database_stores_is_refused_before_anything_is_begun(
    api: Api, shop: Shop, field: str
) -> None:
    """The buyer has paid by now: the same confirm with a good reference must still succeed."""
    hold = await shop.hold("r1s1")
    path = f"/holds/{hold.id}"
    for text in ("ref\0", "\x1b[2J", "two\nlines", "\x85"):
        status, problem = await api(
            "POST", path + "/confirm", PLATFORM, paid(hold, **{field: text})
        )
        assert (status, problem["code"], problem["field"]) == (400, "invalid_request", field)
    assert (await shop.read(hold.id)).status is HoldStatus.ACTIVE
    assert (await api("POST", path + "/paying", PLATFORM, {"order_ref": "ref\0"}))[0] == 400
    assert (await shop.read(hold.id)).status is HoldStatus.ACTIVE
    assert (await api("POST", path + "/confirm", PLATFORM, paid(hold)))[0] == 200


async def test_reference_is_one_in_both_of_its_spellings(api: Api, shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    path = f"/holds/{hold.id}/confirm"
    status, answer = await api("POST", path, PLATFORM, paid(hold, order_ref="Cafe\u0301"))
    assert (status, answer["order"]["order_ref"]) == (200, "Caf\u00e9")
    assert (await api("POST", path, PLATFORM, paid(hold, order_ref="Caf\u00e9")))[0] == 200


async def test_hold_whose_buyer_no_database_stores_is_sold_all_the_same(
    api: Api, shop: Shop
) -> None:
    """One that was made before names were checked."""
    hold = await shop.hold("r1s1", buyer="ann\0")
    for _ in range(2):
        status, answer = await api("POST", f"/holds/{hold.id}/confirm", PLATFORM, paid(hold))
        assert (status, answer["order"]["buyer"]) == (200, "ann\ufffd")


@pytest.mark.parametrize("query", ["buyer=a%00", "status=sold%00", "buyer=a&buyer=b", "cursor=%00"])
async def test_query_that_no_database_takes_is_refused(api: Api, query: str) -> None:
    status, problem = await api("GET", f"/orders?{query}", VIEWER)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert problem["field"] == query.partition("=")[0]


async def test_cursor_beyond_what_databases_count_is_refused(api: Api) -> None:
    cursor = encode_cursor(2**63, "id")
    status, problem = await api("GET", f"/orders?cursor={cursor}", VIEWER)
    assert (status, problem["field"]) == (400, "cursor")


async def test_named_buyer_must_be_the_one_whose_hold_it_is(api: Api, shop: Shop) -> None:
    hold = await shop.hold("r1s1", buyer="ann")
    path = f"/holds/{hold.id}"
    for step, body in (("/paying", {}), ("/confirm", paid(hold))):
        status, problem = await api("POST", path + step, PLATFORM, {**body, "buyer": "bob"})
        assert (status, problem["code"]) == (403, "not_owner")
    assert (await shop.read(hold.id)).status is HoldStatus.ACTIVE
    assert (await api("POST", path + "/paying", PLATFORM, {"buyer": "ann"}))[0] == 200
    confirm = await api("POST", path + "/confirm", PLATFORM, paid(hold, buyer="ann"))
    assert confirm[0] == 200
    order = f"/orders/{hold.id}"
    assert (await api("GET", order + "?buyer=bob", PLATFORM))[0] == 403
    assert (await api("GET", order + "?buyer=ann", PLATFORM))[0] == 200
    assert (await api("POST", order + "/refund", PLATFORM, {"buyer": "bob"}))[0] == 403
    assert (await api("GET", order, PLATFORM))[1]["status"] == "confirmed"
    assert (await api("POST", order + "/refund", PLATFORM, {"buyer": "ann"}))[0] == 200


async def test_named_buyer_is_no_reason_to_refuse_what_the_store_has_lost(
    api: Api, shop: Shop
) -> None:
    """Nobody knows any more whose it was: the payment must be recorded all the same."""
    hold = await shop.hold("r1s1", buyer="ann")
    await shop.lose_store()
    path = f"/holds/{hold.id}/confirm"
    status, problem = await api("POST", path, PLATFORM, paid(hold, buyer="ann"))
    assert (status, problem["code"], problem["refund_required"]) == (410, "hold_lost", True)


async def test_confirm_refusals_have_stable_codes(api: Api, shop: Shop) -> None:
    hold, released = await shop.hold("r1s1"), await shop.hold("r1s2")
    await shop.inventory.release(released.id, owner="", version=0)
    path = f"/holds/{hold.id}/confirm"
    status, problem = await api("POST", path, PLATFORM, paid(hold, amount=1))
    assert (status, problem["code"], problem["total"]) == (409, "amount_mismatch", 4500)
    await api("POST", path, PLATFORM, paid(hold))
    status, problem = await api("POST", path, PLATFORM, paid(hold, order_ref="x"))
    assert (status, problem["code"]) == (409, "order_mismatch")
    status, problem = await api("POST", "/holds/nothing/confirm", PLATFORM, paid(hold))
    assert (status, problem["code"]) == (404, "unknown_hold")
    status, problem = await api("POST", f"/holds/{released.id}/confirm", PLATFORM, paid(released))
    assert (status, problem["code"], problem["refund_required"]) == (410, "hold_released", True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_ref": None}, "order_ref"),
        ({"order_ref": ""}, "order_ref"),
        ({"payment_ref": "x" * 256}, "payment_ref"),
        ({"amount": -1}, "amount"),
        ({"amount": 2**60}, "amount"),
        ({"amount": "4500"}, "amount"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_confirm_names_the_field_that_is_wrong(
    api: Api, shop: Shop, change: dict[str, object], field: str
) -> None:
    hold = await shop.hold("r1s1")
    status, problem = await api("POST", f"/holds/{hold.id}/confirm", PLATFORM, paid(hold, **change))
    assert (status, problem["code"], problem["field"]) == (400, "invalid_request", field)


async def test_paying_answers_with_the_hold_and_its_order(api: Api, shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    status, answer = await api("POST", f"/holds/{hold.id}/paying", PLATFORM)
    assert (status, answer["status"], answer["id"]) == (200, "paying", hold.id)
    assert answer["expires_in_seconds"] > 3500
    assert answer["order"]["status"] == "pending"
    status, order = await api("GET", f"/orders/{hold.id}", PLATFORM)
    assert (status, order) == (200, answer["order"])
    status, problem = await api("POST", "/holds/nothing/paying", PLATFORM)
    assert (status, problem["code"]) == (404, "unknown_hold")


@pytest.mark.parametrize("deed", ["holds/{id}/paying", "holds/{id}/confirm", "orders/{id}/refund"])
async def test_only_a_platform_may_pay_confirm_and_refund(api: Api, shop: Shop, deed: str) -> None:
    hold = await shop.hold("r1s1")
    path = "/" + deed.format(id=hold.id)
    for headers, status in ((None, 401), (VIEWER, 403), (ANN, 403), ({}, 401)):
        assert (await api("POST", path, headers, paid(hold)))[0] == status
    assert await shop.ledger.orders.read(shop.inventory.uid, hold.id) is None


async def test_order_is_shown_to_its_buyer_and_to_keys(api: Api, shop: Shop) -> None:
    hold = await shop.hold("r1s1", buyer="ann")
    await shop.confirm(hold)
    path = f"/orders/{hold.id}"
    for headers, status in ((ANN, 200), (VIEWER, 200), (PLATFORM, 200), (BOB, 403), (None, 401)):
        assert (await api("GET", path, headers))[0] == status
    assert (await api("GET", path, STALE))[0] == 401
    status, problem = await api("GET", "/orders/nothing", PLATFORM)
    assert (status, problem["code"]) == (404, "unknown_order")
    status, problem = await api("GET", "/orders/%20or%201=1", PLATFORM)
    assert (status, problem["code"]) == (404, "unknown_order")


async def test_orders_are_paged_and_a_buyer_sees_their_own(api: Api, shop: Shop) -> None:
    holds = [await shop.hold(f"r1s{n}", buyer="ann" if n % 2 else "bob") for n in range(1, 8)]
    for hold in holds:
        await shop.confirm(hold)
    seen: list[str] = []
    cursor = ""
    while True:
        status, answer = await api("GET", f"/orders?limit=3{cursor}", VIEWER)
        assert status == 200
        assert len(answer["items"]) <= 3
        seen += [order["id"] for order in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert seen == [hold.id for hold in holds]
    _, mine = await api("GET", "/orders", ANN)
    assert [order["buyer"] for order in mine["items"]] == ["ann"] * 4
    _, others = await api("GET", "/orders?buyer=bob", ANN)
    assert [order["buyer"] for order in others["items"]] == ["ann"] * 4
    _, bobs = await api("GET", "/orders?buyer=bob", VIEWER)
    assert [order["buyer"] for order in bobs["items"]] == ["bob"] * 3


async def test_orders_can_be_chosen_by_status(api: Api, shop: Shop) -> None:
    kept, returned = await shop.hold("r1s1"), await shop.hold("r1s2")
    for hold in (kept, returned):
        await shop.confirm(hold)
    await api("POST", f"/orders/{returned.id}/refund", PLATFORM)
    _, answer = await api("GET", "/orders?status=refunded", VIEWER)
    assert [order["id"] for order in answer["items"]] == [returned.id]
    status, problem = await api("GET", "/orders?status=lost", VIEWER)
    assert (status, problem["field"]) == (400, "status")
    for bad in ("limit=0", "limit=x", "cursor=x", "cursor=WzFd"):
        assert (await api("GET", f"/orders?{bad}", VIEWER))[0] == 400


async def test_refund_whole_and_by_item(api: Api, shop: Shop) -> None:
    hold = await shop.hold("r1s1", "r1s2", floor=2)
    await shop.confirm(hold)
    path = f"/orders/{hold.id}/refund"
    some = {"items": [{"seat": "r1s1"}, {"area": "floor", "quantity": 1}]}
    status, problem = await api("POST", path, PLATFORM, some)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert problem["field"] == "Idempotency-Key"
    key = PLATFORM | {"Idempotency-Key": "refund-1"}
    for _ in range(2):
        status, order = await api("POST", path, key, some)
        assert (status, order["status"]) == (200, "partially_refunded")
        assert order["refunded_amount"] == 5500
    assert [item["refunded"] for item in order["items"]] == [1, 0, 1]
    status, problem = await api("POST", path, PLATFORM, {"items": [{"seat": "r2s2"}]})
    assert (status, problem["field"]) == (400, "items")
    bodies: tuple[object, ...] = ({"items": []}, {"items": [{"row": 1}]}, {"item": []})
    for body in bodies:
        assert (await api("POST", path, PLATFORM, body))[0] == 400
    status, order = await api("POST", path, PLATFORM)
    assert (status, order["status"], order["refunded_amount"]) == (200, "refunded", 11000)
    assert (await api("POST", path, PLATFORM)) == (200, order)
    status, problem = await api("POST", "/orders/nothing/refund", PLATFORM)
    assert (status, problem["code"]) == (404, "unknown_order")


async def test_unknown_sale_is_unknown(client: Client) -> None:
    api = Api(client, "nowhere")
    for method, path in (("GET", "/orders"), ("GET", "/orders/x"), ("POST", "/holds/x/confirm")):
        status, problem = await api(method, path, PLATFORM, {"order_ref": "r"})
        assert (status, problem["code"]) == (404, "unknown_sale")


async def test_ledger_that_is_away_is_503_with_retry_after(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = await shop.hold("r1s1")

    def gone(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(shop.ledger.database, "transaction", gone)
    path = f"/v1/sales/{shop.inventory.name}/holds/{hold.id}/confirm"
    async with client.post(path, headers=PLATFORM, json=paid(hold)) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
        assert (await response.json(content_type=None))["code"] == "ledger_unavailable"
