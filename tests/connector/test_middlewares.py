"""The middlewares before a real service: the same story by ASGI, WSGI and aiohttp."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from support.api_client import Api, create
from support.connector.storefronts import (
    COOKIE_SECRET,
    SHOP,
    Ask,
    aiohttp_ask,
    asgi_ask,
    call_asgi,
    wsgi_ask,
    wsgi_shop_ask,
)
from support.service.running import Service

from holdfast_connector import Gate, Mode, Settings, Visit
from holdfast_connector.asgi import Message, Receive, Scope, Send, WaitingRoom
from holdfast_connector.auth_request import AuthRequest

BROWSER = {"Sec_Fetch_Mode": "navigate"}


@pytest.fixture
async def sale(operator: Api, name: str) -> str:
    await create(operator, name, return_origins=[SHOP], total_active_users=1)
    return name


@pytest.fixture
def gate(service: Service, sale: str) -> Gate:
    return Gate(
        Settings(
            service_url=service.url,
            shop_url=SHOP,
            sale=sale,
            cookie_secrets=(COOKIE_SECRET,),
            public=("/about",),
        )
    )


@pytest.fixture(params=["asgi", "wsgi", "aiohttp"])
async def ask(request: pytest.FixtureRequest, gate: Gate) -> AsyncIterator[Ask]:
    if request.param == "aiohttp":
        asked, close = await aiohttp_ask(gate)
        yield asked
        await close()
    else:
        yield asgi_ask(gate) if request.param == "asgi" else wsgi_shop_ask(gate)


async def through_the_room(operator: Api, sale: str, return_url: str) -> str:
    """Joins and claims as the waiting page does; where it sends the visitor, on the shop."""
    visitor = operator.as_(None)
    ticket = await visitor.join(sale)
    body = {"return_url": return_url}
    claimed = await visitor.post(f"/v1/sales/{sale}/pass", body, **{"Holdfast-Ticket": ticket})
    assert claimed.status in {200, 201}, claimed
    back = str(claimed.body["redirect_to"])
    assert back.startswith(f"{SHOP}/")
    return back.removeprefix(SHOP)


async def test_whole_story(ask: Ask, operator: Api, sale: str, service: Service) -> None:
    """Given room for one, a visitor is sent round, enters, and leaves: the next may come."""
    turned_away = await ask("/seats?zone=a%20b", **BROWSER)
    assert turned_away.status == HTTPStatus.FOUND
    assert turned_away.one("Cache-Control") == "no-store"
    assert turned_away.one("Location").startswith(f"{service.url}/wait/{sale}?t=")
    assert turned_away.return_url == f"{SHOP}/seats?zone=a%20b"

    back = await through_the_room(operator, sale, turned_away.return_url)
    let_in = await ask(back, **BROWSER)
    assert let_in.status == HTTPStatus.FOUND
    assert let_in.one("Location") == f"{SHOP}/seats?zone=a+b"
    assert let_in.one("Cache-Control") == "no-store"
    assert let_in.one("Set-Cookie").startswith(f"__Host-holdfast_session_{sale}=")

    cookie = let_in.cookie
    inside = await ask("/seats", Cookie=f"a=b; {cookie}", **BROWSER)
    assert inside.status == HTTPStatus.OK
    assert len(inside.body) == 20
    assert (await ask(back, **BROWSER)).return_url == f"{SHOP}/seats?zone=a+b"  # a stolen link
    assert (await operator.get(f"/v1/sales/{sale}/status")).body["held"] == 0

    left = await ask("/leave", Cookie=cookie, **BROWSER)
    assert left.status == HTTPStatus.OK
    assert left.all("Waiting-Room-Command") == []
    assert "Max-Age=0" in left.one("Set-Cookie")
    assert (await ask("/seats", Cookie=cookie, **BROWSER)).status == HTTPStatus.FOUND
    second = operator.as_(None)
    ticket = await second.join(sale)
    assert await asyncio.wait_for(second.claim(sale, ticket), 10)


async def test_script_gets_a_header(ask: Ask) -> None:
    answer = await ask("/api", Accept="application/json", Referer=f"{SHOP}/seats")
    assert answer.status == HTTPStatus.UNAUTHORIZED
    assert answer.one("Holdfast-Redirect").endswith("seats")
    assert answer.all("Location") == []


async def test_public_and_hostile_paths(ask: Ask) -> None:
    assert (await ask("/about")).body == b"nobody"
    for target in ("//evil.example", "/about/../seats", "/%5Cevil.example", "/x?y=%0d%0aA:b"):
        answer = await ask(target, **BROWSER)
        assert answer.status == HTTPStatus.FOUND, target
        assert answer.return_url.startswith(f"{SHOP}/")


async def test_post_is_not_replayed_by_a_redirect(ask: Ask) -> None:
    answer = await ask("/pay?holdfast_token=x", method="POST", **BROWSER)
    assert (answer.status, answer.return_url) == (HTTPStatus.SEE_OTHER, f"{SHOP}/")


async def test_head_is_gated_like_get(ask: Ask) -> None:
    answer = await ask("/seats", method="HEAD", **BROWSER)
    assert (answer.status, answer.body) == (HTTPStatus.FOUND, b"")


async def test_exchanged_pass_acts_for_the_visitor(gate: Gate, operator: Api, sale: str) -> None:
    ask = asgi_ask(gate)
    let_in = await ask(await through_the_room(operator, sale, f"{SHOP}/"))
    session = gate.session_of(_visit(let_in.cookie))
    assert session is not None
    buyer = operator.as_(session.visitor_pass)
    held = await buyer.hold(sale, {"areas": [{"id": "floor", "quantity": 1}]})
    assert held.status == HTTPStatus.CREATED


async def test_same_handoff_at_two_servers_enters_at_one(
    gate: Gate, operator: Api, sale: str
) -> None:
    """Two processes of a shop share no memory: the service decides, at the same moment too."""
    gates = [gate, Gate(gate.settings)]
    back = await through_the_room(operator, sale, f"{SHOP}/")
    answers = await asyncio.gather(*(asgi_ask(one)(back, **BROWSER) for one in gates * 4))
    assert sum(bool(one.all("Set-Cookie")) for one in answers) == 1


async def test_websocket_needs_a_session(gate: Gate, operator: Api, sale: str) -> None:
    reached: list[str] = []

    async def shop(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])
        await send({"type": "websocket.accept"})

    app = WaitingRoom(shop, gate)
    assert _types(await call_asgi(app, "/live", kind="websocket")) == ["websocket.close"]
    assert reached == []
    let_in = await asgi_ask(gate)(await through_the_room(operator, sale, f"{SHOP}/"))
    sent = await call_asgi(app, "/live", kind="websocket", Cookie=let_in.cookie)
    assert _types(sent) == ["websocket.accept"]


async def test_lifespan_goes_through_untouched(gate: Gate) -> None:
    reached: list[str] = []

    async def shop(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    await call_asgi(WaitingRoom(shop, gate), "/", kind="lifespan")
    assert reached == ["lifespan"]


async def test_verify_mode_asks_for_keys_and_nothing_else(
    service: Service, operator: Api, sale: str
) -> None:
    settings = Settings(
        service_url=service.url,
        shop_url=SHOP,
        sale=sale,
        cookie_secrets=(COOKIE_SECRET,),
        mode=Mode.VERIFY,
    )
    ask = asgi_ask(Gate(settings))
    back = await through_the_room(operator, sale, f"{SHOP}/")
    assert (await ask(back, **BROWSER)).all("Set-Cookie")
    # The hand-off was not exchanged: it still is worth a pass at the service.
    token = back.partition("holdfast_token=")[2]
    body = {"token": token, "origin": SHOP}
    assert (await operator.as_(None).post(f"/v1/sales/{sale}/pass/exchange", body)).status == 200


async def test_auth_request_says_yes_and_no_without_changing_anything(
    gate: Gate, operator: Api, sale: str
) -> None:
    ask = wsgi_ask(AuthRequest(gate))
    back = await through_the_room(operator, sale, f"{SHOP}/seats")
    refused = await ask("/auth", X_Original_URI="/seats", X_Original_Method="GET")
    assert (refused.status, refused.body) == (401, b"")
    assert refused.one("Holdfast-Redirect").endswith("seats")
    for _ in range(3):
        assert (await ask("/auth", X_Original_URI=back, X_Original_Method="GET")).status == 401
    let_in = await ask("/answer", X_Original_URI=back, X_Original_Method="GET", **BROWSER)
    assert (let_in.status, let_in.one("Location")) == (302, f"{SHOP}/seats")
    allowed = await ask("/auth", X_Original_URI="/seats", Cookie=let_in.cookie)
    assert allowed.status == 204
    assert allowed.one("Holdfast-Pass").count(".") == 2
    assert (await ask("/auth", X_Original_URI="/about")).all("Holdfast-Subject") == []
    late = await ask("/answer", X_Original_URI="/seats", Cookie=let_in.cookie)
    assert (late.status, late.one("Location")) == (307, f"{SHOP}/seats")
    assert (await ask("/elsewhere")).status == 404


async def test_leaving_is_for_the_shops_own_pages(gate: Gate, operator: Api, sale: str) -> None:
    ask = wsgi_ask(AuthRequest(gate))
    back = await through_the_room(operator, sale, f"{SHOP}/")
    cookie = (await ask("/answer", X_Original_URI=back, X_Original_Method="GET")).cookie
    assert (await ask("/leave", Cookie=cookie)).status == 405
    for foreign in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert (await ask("/leave", method="POST", Cookie=cookie, **foreign)).status == 403
    left = await ask("/leave", method="POST", Cookie=cookie, Origin=SHOP)
    assert (left.status, "Max-Age=0" in left.one("Set-Cookie")) == (204, True)
    assert (await ask("/auth", X_Original_URI="/", Cookie=cookie)).status == 401


def _visit(cookie: str) -> Visit:
    return Visit("GET", "/", "/", {"cookie": cookie})


def _types(messages: list[Message]) -> list[str]:
    return [message["type"] for message in messages]
