"""Deleting a sale that has orders, reading them afterwards, and copying a sale: over HTTP."""

import pytest
from support.api_client import ALL_PRICES, Api, create, make_key, seating_plan
from support.service.running import Service

ONE = {"areas": [{"id": "floor", "quantity": 1}]}
NOW = {"event_start_time": None}


async def sold_and_closed(operator: Api, platform: Api, name: str) -> list[str]:
    """A closed sale with two orders: their ids."""
    await create(operator, name)
    ids = []
    for buyer in ("ann", "bob"):
        hold = (await platform.hold(name, {**ONE, "buyer": buyer})).body
        assert (await platform.confirm(name, hold)).status == 200
        ids.append(hold["id"])
    assert (await operator.post(f"/v1/sales/{name}/close")).status == 200
    return ids


async def test_sale_with_orders_is_deleted_by_their_count_alone(
    operator: Api, platform: Api, name: str
) -> None:
    await sold_and_closed(operator, platform, name)
    for query in ("", "?orders=1", "?orders=3", "?orders=0"):
        refused = await operator.delete(f"/v1/sales/{name}{query}")
        assert (refused.status, refused.code, refused.body["orders"]) == (409, "orders_kept", 2)
    for query, field in (
        ("?orders=two", "orders"),
        ("?orders=-2", "orders"),
        ("?order=2", "order"),
    ):
        refused = await operator.delete(f"/v1/sales/{name}{query}")
        assert (refused.status, refused.body["field"]) == (400, field)
    assert (await operator.get(f"/v1/sales/{name}")).status == 200
    assert (await operator.delete(f"/v1/sales/{name}?orders=2")).status == 204
    assert (await operator.get(f"/v1/sales/{name}/status")).code == "unknown_sale"


async def test_count_that_no_order_stands_behind_deletes_nothing(operator: Api, name: str) -> None:
    await create(operator, name)
    await operator.post(f"/v1/sales/{name}/close")
    refused = await operator.delete(f"/v1/sales/{name}?orders=1")
    assert (refused.code, refused.body["orders"]) == ("orders_kept", 0)
    assert (await operator.delete(f"/v1/sales/{name}?orders=0")).status == 204


async def test_orders_of_a_deleted_sale_are_read_by_its_uid(
    operator: Api, platform: Api, shared_service: Service, name: str
) -> None:
    ids = await sold_and_closed(operator, platform, name)
    uid = (await operator.get(f"/v1/sales/{name}")).body["uid"]
    before = (await operator.get(f"/v1/sales/{name}/orders")).body
    totals = (await operator.get(f"/v1/sales/{name}/orders/totals")).body
    await operator.delete(f"/v1/sales/{name}?orders=2")
    await create(operator, name)
    viewer = operator.as_(make_key(shared_service, "viewer"))
    path = f"/v1/sales/uid:{uid}/orders"
    assert (await viewer.get(path)).body == before
    assert (await viewer.get(f"{path}/{ids[0]}")).body == before["items"][0]
    assert (await viewer.get(f"{path}/totals")).body == totals
    assert (await viewer.get(f"/v1/sales/{name}/orders")).body["items"] == []
    deleted: list[dict[str, str]] = []
    cursor = ""
    while not deleted or cursor:
        page = (await viewer.get(f"/v1/sales?deleted=true&limit=1{cursor}")).body
        deleted += page["items"]
        cursor = f"&cursor={page['next']}" if page["next"] else ""
    assert [one["sale"] for one in deleted if one["uid"] == uid] == [name]
    living = (await viewer.get("/v1/sales?limit=500")).body["items"]
    assert uid not in {one["uid"] for one in living}
    assert (await operator.as_(None).get(path)).code == "unauthorized"
    buyer = await operator.as_(None).admitted(name)
    assert (await buyer.get(path)).code == "unauthorized"
    assert (await viewer.get("/v1/sales/uid:nothing/orders")).code == "unknown_sale"
    assert (await operator.post(f"{path}/{ids[0]}/refund")).code == "unknown_sale"


async def test_copy_has_settings_and_plan_and_nothing_of_the_run(operator: Api, name: str) -> None:
    plan = {"plan": seating_plan(), "prices": ALL_PRICES, "burst": 7}
    await create(operator, name, **plan)
    await operator.patch(f"/v1/sales/{name}", {"message": "late", "queue_all": True})
    body = {"to": f"{name}-b", "name": "Sunday", **NOW}
    made = await operator.post(f"/v1/sales/{name}/copy", body)
    assert (made.status, made.headers["Location"]) == (201, f"/v1/sales/{name}-b")
    source = (await operator.get(f"/v1/sales/{name}")).body
    copy = (await operator.get(f"/v1/sales/{name}-b")).body
    assert (copy["name"], copy["burst"], copy["prices"]) == ("Sunday", 7, ALL_PRICES)
    assert (copy["message"], copy["queue_all"]) == (None, False)
    assert copy["plan_version"] == source["plan_version"]
    assert copy["counts"] == source["counts"]
    assert copy["uid"] != source["uid"]
    again = await operator.post(f"/v1/sales/{name}/copy", body)
    assert (again.status, again.code) == (409, "name_taken")


async def test_copy_opens_by_itself_only_when_it_is_told_to(operator: Api, name: str) -> None:
    await create(operator, name, event_start_time="2020-01-01T10:00:00Z")
    refused = await operator.post(f"/v1/sales/{name}/copy", {"to": f"{name}-b"})
    assert (refused.status, refused.body["field"]) == (400, "event_start_time")
    later = {"to": f"{name}-b", "event_start_time": "2099-01-01T10:00:00Z"}
    made = await operator.post(f"/v1/sales/{name}/copy", later)
    assert (made.status, made.body["state"]) == (201, "scheduled")
    on = await operator.post(f"/v1/sales/{name}-b/copy", {"to": f"{name}-c"})
    assert on.body["event_start_time"] == "2099-01-01T10:00:00Z"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"to": "Upper"}, "to"),
        ({"to": 7}, "to"),
        ({"to": "b", **NOW, "colour": 1}, "colour"),
        ({"to": "b", **NOW, "plan": {}}, "plan"),
        ({"to": "b", **NOW, "burst": -1}, "burst"),
        ({"to": "b", **NOW, "prices": {"elsewhere": 1}}, "prices"),
    ],
)
async def test_copy_that_is_refused_makes_nothing(
    operator: Api, name: str, body: dict[str, object], field: str
) -> None:
    await create(operator, name)
    refused = await operator.post(f"/v1/sales/{name}/copy", body)
    assert (refused.status, refused.body["field"]) == (400, field)
    assert (await operator.get("/v1/sales/b")).code == "unknown_sale"


async def test_copying_is_for_operators(operator: Api, platform: Api, name: str) -> None:
    await create(operator, name)
    path, body = f"/v1/sales/{name}/copy", {"to": f"{name}-b", **NOW}
    assert (await platform.post(path, body)).code == "forbidden"
    assert (await operator.as_(None).post(path, body)).code == "unauthorized"
    assert (await operator.post("/v1/sales/none/copy", body)).code == "unknown_sale"
