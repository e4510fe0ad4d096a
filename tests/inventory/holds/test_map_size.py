import random

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.inventory.app import SALE, application
from support.inventory.harness import SETTINGS, InventoryHarness, Make, plan_json

from holdfast_inventory.holds.compact_states import pack_states
from holdfast_lua import Executor
from holdfast_lua.calls import keys

BYTES_MAX = 15_000


@pytest.mark.parametrize(
    "accept", ["application/json", "application/msgpack", "application/vnd.msgpack"]
)
async def test_sixty_thousand_seats_in_the_worst_order_fit(executor: Executor, accept: str) -> None:
    """Each seat free, held or booked at random: nothing compresses worse than that."""
    harness = await InventoryHarness.install(
        executor, plan_json(*([["A" * 50] * 40] * 30)), SETTINGS
    )
    dice = random.Random(1)
    states = bytes(dice.choices(b"fhb", k=60_000))
    await executor.command("SET", keys.seats(harness.uid), states)
    # What aiohttp's client shows is unpacked already: only the raw bytes tell the size.
    async with TestClient(TestServer(application(harness)), auto_decompress=False) as client:
        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        response = await client.get(SALE + "/seats", headers=headers)
        assert response.headers["Content-Encoding"] == "gzip"
        assert len(await response.read()) <= BYTES_MAX
        plain = await client.get(
            SALE + "/seats", headers={"Accept": accept, "Accept-Encoding": "identity"}
        )
        decode = msgspec.msgpack.decode if "msgpack" in accept else msgspec.json.decode
        shown = decode(await plain.read())["states"]
        assert shown == (pack_states(states) if "vnd" in accept else states.decode())


async def test_who_strands_a_single_seat_is_told_beside_which(make_harness: Make) -> None:
    harness = await make_harness(["AAAAAAAA"], prevent_orphans=True)
    async with TestClient(TestServer(application(harness))) as client:
        response = await client.post(
            SALE + "/holds",
            json={"seats": ["z1-1-2", "z1-1-3"], "buyer": "bea"},
            headers={"Authorization": "Bearer platform", "Idempotency-Key": "k"},
        )
        document = await response.json()
    assert (response.status, document["code"]) == (409, "orphan_left")
    assert document["conflicts"] == ["z1-1-3"]
