"""examples/storefront, run as its README says: a visitor goes round and buys, then the next one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Api, create, make_key
from support.ports import free_port
from support.sales.worker import until
from support.service.running import Service
from support.services import as_user, directory_for, serving
from yarl import URL

ROOT = Path(__file__).parents[2]


@contextmanager
def example(service: Service, name: str, port: int, **more: str) -> Iterator[str]:
    """The example as a process of its own; its address."""
    url = f"http://127.0.0.1:{port}"
    environ = {
        "SHOP_HOLDFAST_URL": service.url,
        "SHOP_URL": url,
        "SHOP_SALE": name,
        "SHOP_PLATFORM_KEY": make_key(service, "platform"),
        **more,
    }
    command = [sys.executable, str(ROOT / "examples" / "storefront" / "shop.py")]
    with (
        directory_for(None) as directory,
        serving(as_user(None, command), port=port, directory=directory, environment=environ),
    ):
        yield url


@pytest.fixture
def shop(service: Service, name: str) -> Iterator[str]:
    with example(service, name, free_port()) as url:
        yield url


async def test_visitor_buys_through_the_room_and_gives_the_place_back(
    shop: str, operator: Api, name: str
) -> None:
    await create(operator, name, return_origins=[shop], total_active_users=1)
    for buyer in (1, 2):
        # 127.0.0.1 has no host name to keep cookies by
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            assert "Buy" in await _text(browser, "GET", shop)
            # Without JavaScript: the room's form joins, and leads back with the hand-off.
            room = await browser.get(f"{shop}/buy")
            assert room.url.path == f"/wait/{name}"
            back = {"t": room.url.query["t"], "do": "join"}
            assert "cart" in await _text(browser, "POST", f"{operator.url}/wait/{name}/place", back)
            assert "Pay 45.00 EUR" in await _text(browser, "POST", f"{shop}/buy/hold")
            order = re.search(r"order: (\w+)", await _text(browser, "POST", f"{shop}/buy/pay"))
            assert order
            assert (await browser.get(f"{shop}/buy")).url.path == f"/wait/{name}"
        # The shop gives the place back beside its answer: for the next one it is there once it has.
        await until(partial(_places_given_back, operator, name, buyer))
        shown = await operator.get(f"/v1/sales/{name}/orders/{order[1]}")
        assert (shown.status, shown.body["status"]) == (200, "confirmed"), buyer


async def test_customer_with_two_browsers_has_one_place(
    service: Service, operator: Api, name: str
) -> None:
    """Given the sale asks for identities and the shop signs them, by the form as by the script."""
    port = free_port()
    await create(operator, name, return_origins=[f"http://127.0.0.1:{port}"], identity="required")
    await operator.post(f"/v1/sales/{name}/pause")
    key = json.dumps((await operator.get(f"/v1/sales/{name}/identity-key")).body)
    numbers = []
    with example(service, name, port, SHOP_IDENTITY_KEY=key) as url:
        for customer in ("anna", "bert", "bert"):
            jar = aiohttp.CookieJar(unsafe=True)
            async with aiohttp.ClientSession(cookie_jar=jar) as browser:
                if customer == "anna":
                    await _text(browser, "GET", url)  # the front page makes her a customer
                else:
                    jar.update_cookies({"customer": customer}, URL(url))
                room = await browser.get(f"{url}/buy")
                form = {field: room.url.query[field] for field in ("t", "identity")}
                place = f"{operator.url}/wait/{name}/place"
                shown = await _text(browser, "POST", place, {**form, "do": "join"})
                numbers += re.findall(r"Your number</dt><dd>(\d+)", shown)
    assert numbers == ["1", "2", "2"]


async def _places_given_back(operator: Api, name: str, count: int) -> bool:
    events = (await operator.get(f"/v1/sales/{name}/events")).body["items"]
    return [event["type"] for event in events].count("pass.ended") == count


async def _text(
    browser: aiohttp.ClientSession, method: str, url: str, form: dict[str, str] | None = None
) -> str:
    async with browser.request(method, url, data=form) as response:
        text = await response.text()
    assert response.status == 200, text
    return text


def test_example_is_small_enough_to_read() -> None:
    source = (ROOT / "examples" / "storefront" / "shop.py").read_text()
    assert source.count("\n") <= 150
