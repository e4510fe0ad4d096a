from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.inventory.app import SALE, application, problem
from support.inventory.harness import InventoryHarness

from holdfast_inventory.holds import open_holds
from holdfast_inventory.holds.open_holds import PASSES_AT_ONCE
from holdfast_inventory.http.routes import OPEN_HOLD_PASSES

BOUGHT = 5
SHOP_KEY = {"Authorization": "Bearer platform"}


class Lists(Protocol):
    async def __call__(self, path: str) -> tuple[int, Any]: ...


@pytest.fixture
async def read(harness: InventoryHarness) -> AsyncIterator[Lists]:
    """Reads lists of a sale in which bea holds five units, one by one."""
    async with TestClient(TestServer(application(harness))) as client:

        async def get(path: str) -> tuple[int, Any]:
            async with client.get(SALE + path, headers=SHOP_KEY) as response:
                return response.status, await response.json()

        for number in range(BOUGHT):
            body = {"areas": [{"id": "floor", "quantity": 1}], "buyer": "bea"}
            headers = {**SHOP_KEY, "Idempotency-Key": f"k{number}"}
            held = await client.post(SALE + "/holds", headers=headers, json=body)
            assert held.status == 201
        yield get


async def paged(read: Lists, path: str, limit: int) -> list[list[Any]]:
    """All pages of a list, as a program reads it that knows no more than that it is one."""
    pages, cursor = [], ""
    for _ in range(2 * BOUGHT):
        status, body = await read(f"{path}limit={limit}{cursor}")
        assert status == 200, body
        pages.append(body["items"])
        if body["next"] is None:
            return pages
        cursor = f"&cursor={body['next']}"
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("path", ["/holds?buyer=bea&", "/events?"])
async def test_pages_of_a_list_are_the_list(read: Lists, path: str) -> None:
    _, whole = await read(path)
    assert (len(whole["items"]), whole["next"]) == (BOUGHT, None)
    pages = await paged(read, path, 2)
    assert [len(items) for items in pages] == [2, 2, 1]
    ids = [item["id"] for items in pages for item in items]
    assert ids == [item["id"] for item in whole["items"]]


@pytest.mark.parametrize("path", ["/holds?buyer=bea&", "/events?"])
@pytest.mark.parametrize("limit", ["0", "501", "-1", "many", "000001999999"])
async def test_limit_out_of_bounds_is_refused_by_name(read: Lists, path: str, limit: str) -> None:
    status, problem = await read(f"{path}limit={limit}")
    assert (status, problem["code"], problem["field"]) == (400, "invalid_request", "limit")


@pytest.mark.parametrize("cursor", ["%D9%A1-%D9%A2", "1-2%0A", "1-99999999999999999", "-1-2", "1"])
async def test_cursor_of_events_that_cannot_be_ours_is_refused(read: Lists, cursor: str) -> None:
    """Digits of other scripts are digits to Python, and a line feed is no end to `$`."""
    status, problem = await read(f"/events?after={cursor}")
    assert (status, problem["code"], problem["field"]) == (400, "invalid_request", "after")


async def test_only_few_read_all_open_holds_at_once(harness: InventoryHarness) -> None:
    app = application(harness)
    passes = app[OPEN_HOLD_PASSES]
    async with TestClient(TestServer(app)) as client, AsyncExitStack() as others:
        for _ in range(PASSES_AT_ONCE):
            await others.enter_async_context(passes)
        refused = await client.get(SALE + "/holds", headers=SHOP_KEY)
        assert await problem(refused) == (503, "overloaded")
        assert int(refused.headers["Retry-After"]) > 0
        await others.aclose()
        assert (await client.get(SALE + "/holds", headers=SHOP_KEY)).status == 200


async def test_pass_over_open_holds_ends_in_time(
    read: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_holds, "PASS_SECONDS", 0.0)
    status, body = await read("/holds")
    assert (status, body["code"]) == (503, "overloaded")
    monkeypatch.undo()
    status, body = await read("/holds")
    assert (status, len(body["items"])) == (200, BOUGHT)
