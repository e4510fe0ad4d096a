import gzip

import msgspec
from aiohttp.test_utils import TestClient, TestServer
from support.inventory.app import Client, application, problem
from support.inventory.harness import InventoryHarness


async def test_the_map_in_all_its_forms(ask: Client, harness: InventoryHarness) -> None:
    await harness.held(harness.seats("z1-1-1"), floor=2)
    response = await ask("GET", "/seats", headers={"Accept-Encoding": "identity"})
    seat_map = await response.json()
    assert seat_map == {
        "version": "1-1",
        "etag": response.headers["ETag"].strip('"'),
        "plan_version": harness.plan.version,
        "counts": {"free": 37, "held": 3, "booked": 0, "blocked": 0},
        "states": "h" + "f" * 29,
        "areas": {"floor": {"free": 8, "held": 2, "booked": 0, "capacity": 10}},
    }
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    packed = await ask("GET", "/seats", headers={"Accept": "application/msgpack"})
    assert packed.content_type == "application/msgpack"
    assert msgspec.msgpack.decode(await packed.read()) == seat_map
    compact = await ask("GET", "/seats", headers={"Accept": "application/vnd.msgpack"})
    assert compact.content_type == "application/vnd.msgpack"
    packed_states = bytes([1, *[0] * 7])  # the first of thirty seats is held
    assert msgspec.msgpack.decode(await compact.read()) == {
        **seat_map,
        "states": packed_states,
        "seat_count": 30,
    }
    either = "application/vnd.msgpack;q=0.5, application/json"
    assert (
        await ask("GET", "/seats", headers={"Accept": either})
    ).content_type == "application/json"
    squeezed = await ask("GET", "/seats", headers={"Accept-Encoding": "gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress((await harness.inventory.seat_map()).json_gzip) == await response.read()
    unchanged = await ask("GET", "/seats", headers={"If-None-Match": response.headers["ETag"]})
    assert unchanged.status == 304
    named = await (await ask("GET", "/seats?seats=guids")).json()
    assert named["seats"]["held"] == ["z1-1-1"]
    assert len(named["seats"]["free"]) == 29
    assert (await ask("GET", "/seats?seats=all")).status == 400


async def test_the_plan_is_kept_for_ever(ask: Client, harness: InventoryHarness) -> None:
    response = await ask("GET", "/plan")
    document = await response.json()
    assert document["plan_version"] == harness.plan.version
    assert "immutable" in response.headers["Cache-Control"]
    again = await ask("GET", "/plan", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304


async def test_changes_continue_the_map_without_telling_who(
    ask: Client, harness: InventoryHarness
) -> None:
    seat_map = await (await ask("GET", "/seats")).json()
    hold = await harness.held(harness.seats("z1-1-1"), floor=2, buyer="bea")
    await harness.confirmed(hold.id)

    document = await (await ask("GET", f"/changes?after={seat_map['version']}")).json()

    floor = [{"area": "floor", "quantity": 2}]
    assert document == {
        "version": "1-2",
        "more": False,
        "changes": [
            {
                "version": "1-1",
                "type": "hold.created",
                "state": "h",
                "seats": [0],
                "areas": floor,
            },
            {
                "version": "1-2",
                "type": "order.confirmed",
                "state": "b",
                "seats": [0],
                "areas": floor,
            },
        ],
    }
    nothing = await (await ask("GET", "/changes?after=1-2")).json()
    assert nothing == {"version": "1-2", "more": False, "changes": []}
    assert await problem(await ask("GET", "/changes?after=1-9")) == (410, "cursor_expired")
    assert await problem(await ask("GET", "/changes?after=x")) == (400, "invalid_request")
    assert await problem(await ask("GET", "/changes")) == (400, "invalid_request")


async def test_events_are_cloud_events_for_the_platform(
    ask: Client, harness: InventoryHarness
) -> None:
    hold = await harness.held(harness.seats("z1-1-1"), floor=2, buyer="bea")
    await harness.held(harness.choice(1))
    assert await problem(await ask("GET", "/events")) == (401, "unauthorized")
    assert await problem(await ask("GET", "/events", token="viewer")) == (403, "forbidden")

    page = await (await ask("GET", "/events?limit=1", token="platform")).json()
    event = page["items"][0]
    assert event["specversion"] == "1.0"
    assert event["id"] == f"{harness.uid}.1-1"
    assert (event["type"], event["subject"]) == ("hold.created", hold.id)
    assert event["data"]["items"] == [
        {"seat": "z1-1-1", "quantity": 1},
        {"area": "floor", "quantity": 2},
    ]
    assert event["data"]["expires_at"].endswith("Z")
    assert page["next"] == page["cursor"] == "1-1"
    rest = await (await ask("GET", f"/events?after={page['next']}", token="platform")).json()
    assert [item["id"][-3:] for item in rest["items"]] == ["1-2"]
    assert (rest["next"], rest["cursor"]) == (None, "1-2")
    for before_all in ("0", "0-0", "1-0"):
        everything = await ask("GET", f"/events?after={before_all}", token="platform")
        assert len((await everything.json())["items"]) == 2
    assert await problem(await ask("GET", "/events?limit=0", token="platform")) == (
        400,
        "invalid_request",
    )


async def test_an_unknown_sale_is_unknown(harness: InventoryHarness) -> None:
    async with TestClient(TestServer(application(harness))) as client:
        response = await client.get("/v1/sales/other/seats")
        assert await problem(response) == (404, "unknown_sale")
