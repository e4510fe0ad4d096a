"""deploy/nginx/storefront.conf: a shop that knows nothing of us, behind the waiting room.

The service stands behind its own nginx, `holdfast-auth` runs as a program; only the shop is a
stand-in, which says what reached it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from support.api_client import Api, create
from support.ports import free_port
from support.service.nginx import Certificate, Front, Upstream, auth_program, echo, recipe
from support.service.running import wait_until
from support.services import Server

BROWSER = {"Sec-Fetch-Mode": "navigate"}


@dataclass
class Storefront:
    """The shop, its address, and the program that nginx asks."""

    http: aiohttp.ClientSession
    url: str
    sale: str
    shop: Upstream
    auth: Server

    async def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> aiohttp.ClientResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.http.request(
            method, self.url + path, data=body, headers={**BROWSER, **named}, allow_redirects=False
        )
        await response.read()
        return response


@pytest.fixture
async def storefront(
    front: Front, operator: Api, name: str, certificate: Certificate, http: aiohttp.ClientSession
) -> AsyncIterator[Storefront]:
    port, auth_port = free_port(), free_port()
    url = f"https://localhost:{port}"
    await create(operator, name, return_origins=[url])
    async with echo() as shop:
        with ExitStack() as running:
            auth = running.enter_context(
                auth_program(
                    auth_port,
                    HOLDFAST_SERVICE_URL=front.url,
                    HOLDFAST_INTERNAL_URL=front.direct_url,
                    HOLDFAST_SHOP_URL=url,
                    HOLDFAST_SALE=name,
                    HOLDFAST_COOKIE_SECRETS="n" * 40 + "," + "o" * 40,
                    HOLDFAST_PROTECTED="/checkout",
                )
            )
            upstreams = {"shop": shop.port, "holdfast_auth": auth_port}
            running.enter_context(recipe("storefront.conf", port, certificate, upstreams))
            yield Storefront(http, url, name, shop, auth)


async def enter(storefront: Storefront, visitor: Api, path: str = "/checkout?a=1") -> str:
    """Goes through the room as a browser does; the shop's cookie."""
    sent_away = await storefront.ask(path)
    assert sent_away.status == HTTPStatus.FOUND
    room = urlsplit(sent_away.headers["Location"])
    assert room.path == f"/wait/{storefront.sale}"
    back = parse_qs(room.query)["t"][0]
    assert back == storefront.url + path
    ticket = await visitor.join(storefront.sale)
    claimed = await visitor.post(
        f"/v1/sales/{storefront.sale}/pass", {"return_url": back}, **{"Holdfast-Ticket": ticket}
    )
    let_in = await storefront.ask(claimed.body["redirect_to"].removeprefix(storefront.url))
    assert (let_in.status, let_in.headers["Location"]) == (HTTPStatus.FOUND, back)
    assert let_in.headers["Cache-Control"] == "no-store"
    return let_in.headers["Set-Cookie"].partition(";")[0]


async def test_visitor_reaches_the_shop_through_the_room_only(
    storefront: Storefront, visitor: Api
) -> None:
    cookie = await enter(storefront, visitor)
    assert cookie.startswith(f"__Host-holdfast_session_{storefront.sale}=")
    assert storefront.shop.seen == []
    inside = await storefront.ask("/checkout?a=1", Cookie=cookie)
    assert inside.status == HTTPStatus.OK
    (said,) = storefront.shop.seen
    assert said[""] == "GET /checkout?a=1"
    buyer = visitor.as_(said["holdfast-pass"])
    held = await buyer.hold(storefront.sale, {"areas": [{"id": "floor", "quantity": 1}]})
    assert held.status == HTTPStatus.CREATED
    assert said["holdfast-subject"]


async def test_form_is_passed_with_its_body_inside_and_not_at_all_outside(
    storefront: Storefront, visitor: Api
) -> None:
    outside = await storefront.ask("/checkout/pay", "POST", "card=1")
    assert outside.status == HTTPStatus.SEE_OTHER
    assert storefront.shop.seen == []
    cookie = await enter(storefront, visitor)
    assert (await storefront.ask("/checkout/pay", "POST", "card=1", Cookie=cookie)).status == 200
    assert storefront.shop.seen[-1]["body"] == "card=1"


async def test_script_gets_a_header_and_public_pages_need_nothing(storefront: Storefront) -> None:
    script = await storefront.ask("/checkout/api", Sec_Fetch_Mode="cors")
    assert script.status == HTTPStatus.UNAUTHORIZED
    assert "/wait/" in script.headers["Holdfast-Redirect"]
    assert (await storefront.ask("/about")).status == HTTPStatus.OK


async def test_visitor_cannot_write_what_only_nginx_says(storefront: Storefront) -> None:
    lies = {
        "Holdfast-Subject": "admin",
        "Holdfast-Pass": "x",
        "Holdfast-Pass-Id": "x",
        "Holdfast-Test": "true",
        "X-Original-URI": "/about",
        "X-Original-Method": "OPTIONS",
    }
    assert (await storefront.ask("/about", **lies)).status == HTTPStatus.OK
    assert not {name for name in storefront.shop.seen[0] if name.startswith("holdfast")}
    assert (await storefront.ask("/checkout", **lies)).status == HTTPStatus.FOUND
    for path in ("/_holdfast/auth", "/about/../checkout", "//checkout", "/%63heckout"):
        assert (await storefront.ask(path, **lies)).status in {302, 404}, path
    assert len(storefront.shop.seen) == 1


async def test_leaving_ends_the_session_and_frees_the_place(
    storefront: Storefront, visitor: Api
) -> None:
    cookie = await enter(storefront, visitor)
    foreign = await storefront.ask(
        "/_holdfast/leave", "POST", Cookie=cookie, Sec_Fetch_Site="cross-site"
    )
    assert foreign.status == HTTPStatus.FORBIDDEN
    left = await storefront.ask("/_holdfast/leave", "POST", Cookie=cookie, Origin=storefront.url)
    assert left.status == HTTPStatus.NO_CONTENT
    assert "Max-Age=0" in left.headers["Set-Cookie"]
    assert (await storefront.ask("/checkout", Cookie=cookie)).status == HTTPStatus.FOUND


async def test_without_the_program_nobody_enters(storefront: Storefront) -> None:
    storefront.auth.process.terminate()
    wait_until(lambda: storefront.auth.process.poll() is not None)
    answer = await storefront.ask("/checkout")
    assert answer.status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert storefront.shop.seen == []
