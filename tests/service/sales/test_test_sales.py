"""Test sales: marked wherever they can be seen, and never anything else."""

import jwt
from support.api_client import FLOOR, Api, create, make_key
from support.service.running import Service

TWO = {"areas": [{"id": "floor", "quantity": 2}]}
NOW = {"event_start_time": None}


async def sold(operator: Api, name: str) -> Api:
    """A buyer of the sale who has bought two."""
    buyer = await operator.admitted(name)
    hold = (await buyer.hold(name, TWO)).body
    confirmed = await operator.confirm(name, hold)
    assert confirmed.status == 200, confirmed
    return buyer


async def marks(operator: Api, name: str) -> dict[str, object]:
    """What each document of the API says about a sale being a test."""
    sale = f"/v1/sales/{name}"
    buyer = await sold(operator, name)
    listed = [
        one
        for one in (await operator.get("/v1/sales?limit=500")).body["items"]
        if one["sale"] == name
    ]
    events = (await operator.get(f"{sale}/events?after=0")).body["items"]
    orders = (await operator.get(f"{sale}/orders")).body["items"]
    claims = jwt.decode(str(buyer.token), options={"verify_signature": False})
    return {
        "sale": (await operator.get(sale)).body["test"],
        "list": listed[0]["test"],
        "live": (await operator.get(f"{sale}/live")).body["test"],
        "report": (await operator.get(f"{sale}/report")).body["test"],
        "status": (await operator.get(f"{sale}/status")).body.get("test", False),
        "order": (await operator.get(f"{sale}/orders/{orders[0]['id']}")).body["test"],
        "orders": orders[0]["test"],
        "buyer's order": (await buyer.get(f"{sale}/orders")).body["items"][0]["test"],
        "totals": (await operator.get(f"{sale}/orders/totals")).body["test"],
        "events": all(event.get("test", False) for event in events),
        "no event": not any(event.get("test", False) for event in events),
        "pass": claims.get("test", False),
    }


async def test_every_document_says_what_a_sale_is(operator: Api, name: str) -> None:
    await create(operator, name)
    copied = await operator.post(f"/v1/sales/{name}/copy", {"to": f"{name}-t", "test": True, **NOW})
    assert (copied.status, copied.body["test"]) == (201, True)
    real, test = await marks(operator, name), await marks(operator, f"{name}-t")
    assert real.pop("no event")
    assert not test.pop("no event")
    assert set(real.values()) == {False}, real
    assert set(test.values()) == {True}, test


async def test_what_a_sale_is_never_changes(operator: Api, name: str) -> None:
    await create(operator, name, test=True)
    await create(operator, f"{name}-r")
    body = {"name": "Night", "areas": [FLOOR], "prices": {"GA": 1}}
    for sale, other in ((name, False), (f"{name}-r", True)):
        put = await operator.put(f"/v1/sales/{sale}", {**body, "test": other})
        patched = await operator.patch(f"/v1/sales/{sale}", {"test": other})
        for refused in (put, patched):
            assert (refused.status, refused.body["field"]) == (400, "test"), refused
        assert (await operator.get(f"/v1/sales/{sale}")).body["test"] is not other
    assert (await operator.put(f"/v1/sales/{name}", {**body, "test": True})).status == 200
    again = await operator.post(f"/v1/sales/{name}/copy", {"to": f"{name}-2", **NOW})
    assert again.body["test"] is True
    real = await operator.post(f"/v1/sales/{name}/copy", {"to": f"{name}-3", "test": False, **NOW})
    assert real.body["test"] is False


async def test_orders_of_a_deleted_test_sale_are_still_no_money(operator: Api, name: str) -> None:
    await create(operator, name, test=True)
    await sold(operator, name)
    uid = (await operator.get(f"/v1/sales/{name}")).body["uid"]
    await operator.post(f"/v1/sales/{name}/close")
    assert (await operator.delete(f"/v1/sales/{name}?orders=1")).status == 204
    (order,) = (await operator.get(f"/v1/sales/uid:{uid}/orders")).body["items"]
    assert order["test"] is True
    assert (await operator.get(f"/v1/sales/uid:{uid}/orders/totals")).body["test"] is True
    deleted = (await operator.get("/v1/sales?deleted=true&limit=500")).body["items"]
    assert [one["test"] for one in deleted if one["uid"] == uid] == [True]


async def test_pages_of_a_test_sale_say_so_in_each_language(operator: Api, name: str) -> None:
    await create(operator, name, test=True, return_origins=["https://shop.example"])
    await create(operator, f"{name}-r", return_origins=["https://shop.example"])
    words = {"en": "Test sale: nothing is sold here", "zh-Hans": "测试销售"}
    for language, text in words.items():
        for path in ("wait/{}?", "wait/{}/place?t=https://shop.example/&"):
            for sale, marked in ((name, True), (f"{name}-r", False)):
                url = f"{operator.url}/{path.format(sale)}lang={language}"
                async with operator.http.get(url) as answer:
                    page = await answer.text()
                assert answer.status == 200, page
                assert ('class="test-sale"' in page) is marked, url
                assert not marked or text in page.partition('class="test-sale"')[2][:200]


async def test_metrics_tell_test_sales(operator: Api, name: str, shared_service: Service) -> None:
    await create(operator, name, test=True)
    await create(operator, f"{name}-r")
    for sale in (name, f"{name}-r"):
        await operator.join(sale)
    viewer = operator.as_(make_key(shared_service, "viewer"))
    wanted = {
        f'holdfast_sale_test{{sale="{name}"}} 1.0',
        f'holdfast_sale_test{{sale="{name}-r"}} 0.0',
    }
    for _ in range(100):
        async with viewer.http.get(
            f"{viewer.url}/metrics", headers={"Authorization": f"Bearer {viewer.token}"}
        ) as answer:
            lines = set((await answer.text()).splitlines())
        if wanted <= lines:
            break
    assert wanted <= lines
