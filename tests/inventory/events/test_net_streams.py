import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.inventory.app import SALE, application, problem
from support.inventory.harness import InventoryHarness
from support.inventory.net_reader import SSE, NetReader, following, line_with

from holdfast_inventory.events import map_stream
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_lua.errors import StoreUnavailable

Web = TestClient[Any, Any]
STEPS: Final = 25


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages as fast as they can be made."""
    monkeypatch.setattr(map_stream, "TICK_SECONDS", 0.005)
    monkeypatch.setattr(map_stream, "_SLACK_SECONDS", 60.0)


@pytest.fixture
async def web(harness: InventoryHarness) -> AsyncIterator[Web]:
    async with TestClient(TestServer(application(harness))) as client:
        yield client


async def shown(web: Web) -> dict[str, Any]:
    async with web.get(SALE + "/seats") as response:
        return dict(await response.json())


async def test_a_stream_begins_with_the_map_and_goes_on_with_net_changes(
    harness: InventoryHarness, web: Web
) -> None:
    reader = NetReader()
    async with following(web) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Access-Control-Allow-Origin"] == "*"
        assert stream.headers["Cache-Control"] == "no-store"
        assert await reader.read(stream) == "map"
        reader.require(await shown(web))
        await harness.held(harness.seats("z1-1-1", "z1-1-2"), floor=2, buyer="bea")
        await reader.catch_up(stream, "1-1")
    assert reader.kinds == ["map", "message"]
    assert reader.areas["floor"] == {"free": 8, "held": 2, "booked": 0, "capacity": 10}
    reader.require(await shown(web))


async def something_happens(
    harness: InventoryHarness, dice: random.Random, held: list[str]
) -> None:
    """One operation of a buyer, of a shop or of the operator, which may change nothing."""
    free = [at for at, state in enumerate(await harness.states()) if state == "f"]
    match dice.choice(["hold", "hold", "release", "confirm", "block", "unblock", "nothing"]):
        case "hold" if len(free) > 2:
            guids = [harness.plan.guids[at] for at in dice.sample(free, 2)]
            held.append((await harness.held(harness.seats(*guids), floor=dice.randint(0, 1))).id)
        case "release" if held:
            await harness.inventory.release(held.pop(), owner="", version=0)
        case "confirm" if held:
            await harness.confirmed(held.pop(0))
        case "block" if free:
            await harness.inventory.block([dice.choice(free)])
        case "unblock":
            await harness.inventory.unblock(range(len(harness.plan)))
        case _:
            pass


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_who_reconnects_at_any_point_has_the_map(
    harness: InventoryHarness, web: Web, seed: int
) -> None:
    """Given clients that come back after each step with the last id that they have, after some,
    and after all; with the etag of a map that was read meanwhile, with none, and with nonsense.
    """
    dice, held = random.Random(seed), list[str]()
    always, first = NetReader(), NetReader()
    first.take_map(await shown(web))
    earlier = [first]
    always.take_map(await shown(web))
    async with following(web, f"&after={always.etag}") as open_stream:
        for step in range(STEPS):
            if step == STEPS // 2:
                await harness.rebuild()
                held.clear()
            for _ in range(dice.randint(1, 3)):
                await something_happens(harness, dice, held)
            now = await shown(web)
            await always.catch_up_with(open_stream, now)
            always.require(now)
            for reader in dice.sample(earlier, min(3, len(earlier))):
                late = reader.copy()
                ids = {"Last-Event-ID": late.etag} if dice.random() < 0.8 else {}
                async with following(web, "&after=nonsense", **ids) as stream:
                    await late.catch_up_with(stream, now)
                late.require(now)
                earlier.append(late)
            read = NetReader()
            read.take_map(now)
            earlier.append(read)
    assert "message" in always.kinds
    assert always.kinds.count("map") <= 2  # the rebuild, and nothing else, is told whole


async def test_who_knows_the_map_is_told_nothing_but_what_is_new(
    harness: InventoryHarness, web: Web
) -> None:
    known, reader = await shown(web), NetReader()
    reader.take_map(known)
    async with following(web, f"&after={known['etag']}") as stream:
        await harness.held(harness.seats("z1-1-1"))
        assert await reader.read(stream) == "message"
        reader.require(await shown(web))


async def test_clients_of_http_1_0_are_sent_no_chunks(harness: InventoryHarness, web: Web) -> None:
    assert web.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    head = ["GET /v1/sales/sale/changes?form=net HTTP/1.0", "Accept: text/event-stream", "", ""]
    writer.write("\r\n".join(head).encode())
    await line_with(reader, "retry:")
    before = [(await reader.readline()).decode() for _ in range(3)]
    assert [line.partition(":")[0].strip() for line in before] == ["", "id", "event"]
    client = NetReader()
    client.take_line((await reader.readline()).decode())
    client.require(await shown(web))
    writer.close()


async def test_a_stream_whose_map_cannot_be_read_is_ended_to_be_tried_again(
    harness: InventoryHarness, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a store that goes away once the response has begun: no second response is mixed in."""

    async def away(_inventory: SaleInventory) -> None:
        raise StoreUnavailable()

    with monkeypatch.context() as broken:
        broken.setattr(SaleInventory, "seat_map", away)
        async with following(web) as stream:
            assert stream.status == 200
            text = await stream.text()
    assert text.startswith("retry:")
    assert "HTTP/" not in text
    assert "data:" not in text
    async with following(web) as again:
        assert await NetReader().read(again) == "map"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("form=gross", "form"),
        ("after=1-0&every=1", "every"),
        ("form=net&every=0.1", "every"),
        ("form=net&every=61", "every"),
        ("form=net&every=nan", "every"),
        ("form=net&every=soon", "every"),
        ("form=net&channel=none", "channel"),
    ],
)
async def test_a_stream_that_cannot_be_says_why(web: Web, query: str, field: str) -> None:
    async with web.get(f"{SALE}/changes?{query}", headers=SSE) as response:
        assert response.status == 400
        assert (await response.json())["field"] == field


async def test_net_changes_are_a_stream_alone(web: Web) -> None:
    async with web.get(f"{SALE}/changes?form=net") as response:
        assert await problem(response) == (400, "invalid_request")
    async with web.head(f"{SALE}/changes?form=net", headers=SSE) as response:
        assert response.status == 200
