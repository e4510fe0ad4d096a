"""The link to the room says who comes, when the shop knows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from support.api_client import Api, create
from support.connector.storefronts import (
    COOKIE_SECRET,
    SERVICE,
    SHOP,
    Ask,
    aiohttp_ask,
    asgi_ask,
    wsgi_ask,
    wsgi_shop_ask,
)
from support.service.running import Service

from holdfast_connector import Gate, IdentitySigner, Settings, Visit, identity_cookie
from holdfast_connector.__main__ import settings_from
from holdfast_connector.auth_request import AuthRequest
from holdfast_connector.contract import MAX_IDENTITY_CHARS
from holdfast_connector.tokens.identity import Identify

KEY = "k" * 44
BROWSER = {"Sec_Fetch_Mode": "navigate"}


def settings(identify: Identify | None, service: str = SERVICE, sale: str = "gala") -> Settings:
    return Settings(
        service_url=service,
        shop_url=SHOP,
        sale=sale,
        cookie_secrets=(COOKIE_SECRET,),
        identify=identify,
    )


def query_of(url: str) -> Mapping[str, list[str]]:
    return parse_qs(urlsplit(url).query, keep_blank_values=True)


def visit(cookie: str = "") -> Visit:
    return Visit("GET", "/seats", "/seats?a=1", {"sec-fetch-mode": "navigate", "cookie": cookie})


def test_signed_identity_says_who_for_which_sale_and_how_long() -> None:
    signer = IdentitySigner("gala", "kid-1", KEY, clock=lambda: 1_800_000_000.9)
    token = signer.sign("customer-7", ["fanclub"])
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": "kid-1"}
    timeless: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, KEY, ["HS256"], audience="gala", options=timeless)
    assert claims == {
        "aud": "gala",
        "sub": "customer-7",
        "iat": 1_800_000_000,
        "exp": 1_800_000_600,
        "channels": ["fanclub"],
    }
    longer = jwt.decode(signer.sign("x", seconds=9_000), options={"verify_signature": False})
    assert longer["exp"] - longer["iat"] == 600
    assert "channels" not in longer
    assert KEY not in repr(signer)


def test_what_the_service_would_not_read_is_not_signed() -> None:
    signer = IdentitySigner("gala", "kid-1", KEY)
    for subject in ("", "x" * MAX_IDENTITY_CHARS):
        with pytest.raises(ValueError, match="identity"):
            signer.sign(subject)
    for text in ("", "[]", "{}", "null", '{"kid": "a", "key": "b"}'):
        with pytest.raises(ValueError, match="no identity key"):
            IdentitySigner.from_json(text)


def test_link_has_the_identity_of_who_is_known_only() -> None:
    known = Gate(settings(lambda visit: "a.b+/=&c" if visit.headers["cookie"] else None))
    query = query_of(known.room_url(visit("me")))
    assert query == {"t": [f"{SHOP}/seats?a=1"], "identity": ["a.b+/=&c"]}
    assert query_of(known.room_url(visit())) == {"t": [f"{SHOP}/seats?a=1"]}
    assert query_of(Gate(settings(None)).room_url(visit("me"))) == {"t": [f"{SHOP}/seats?a=1"]}


@pytest.mark.parametrize(
    ("cookie", "found"),
    [
        ("who=x.y.z", "x.y.z"),
        ("a=b; who=x.y.z; c=d", "x.y.z"),
        ("xwho=x.y.z", None),
        ("who=", None),
        ("", None),
        (f"who={'x' * (MAX_IDENTITY_CHARS + 1)}", None),
        ("who=\udcff", None),
    ],
)
def test_identity_is_taken_from_the_shops_cookie(cookie: str, found: str | None) -> None:
    assert identity_cookie("who")(visit(cookie)) == found


def test_program_beside_nginx_takes_it_from_the_cookie_it_is_told() -> None:
    environ = {
        "HOLDFAST_SERVICE_URL": SERVICE,
        "HOLDFAST_SHOP_URL": SHOP,
        "HOLDFAST_SALE": "gala",
        "HOLDFAST_COOKIE_SECRETS": COOKIE_SECRET,
    }
    assert settings_from(environ).identify is None
    identify = settings_from({**environ, "HOLDFAST_IDENTITY_COOKIE": "who"}).identify
    assert identify is not None
    assert identify(visit("who=x.y.z")) == "x.y.z"


@pytest.fixture
async def sale(operator: Api, name: str) -> str:
    await create(operator, name, return_origins=[SHOP], identity="required")
    return name


@pytest.fixture
async def gate(service: Service, operator: Api, sale: str) -> Gate:
    """Of a shop whose customers have their number in a cookie."""
    key = await operator.get(f"/v1/sales/{sale}/identity-key")
    signer = IdentitySigner.from_json(json.dumps(key.body))

    def identify(visit: Visit) -> str | None:
        customer = visit.headers.get("cookie", "").partition("customer=")[2]
        return signer.sign(customer) if customer else None

    return Gate(settings(identify, service.url, sale))


@pytest.fixture(params=["asgi", "wsgi", "aiohttp", "auth_request"])
async def ask(request: pytest.FixtureRequest, gate: Gate) -> AsyncIterator[Ask]:
    if request.param == "aiohttp":
        asked, close = await aiohttp_ask(gate)
        yield asked
        await close()
    elif request.param == "auth_request":
        program = wsgi_ask(AuthRequest(gate))
        yield lambda target, **headers: program("/answer", X_Original_URI=target, **headers)
    else:
        yield asgi_ask(gate) if request.param == "asgi" else wsgi_shop_ask(gate)


async def test_customer_who_is_redirected_has_one_place(ask: Ask, operator: Api, sale: str) -> None:
    """Given a sale that requires identities, the link alone decides who gets in and where."""
    await operator.post(f"/v1/sales/{sale}/pause")
    numbers = []
    for cookie in ("customer=1", "customer=7", "customer=7", ""):
        sent = await ask("/seats", Cookie=cookie, **BROWSER)
        identity = query_of(sent.one("Location")).get("identity", [None])[0]
        joined = await operator.as_(None).post(
            f"/v1/sales/{sale}/tickets", {"identity": identity} if identity else {}
        )
        numbers.append(joined.body.get("number", joined.code))
    assert numbers == [1, 2, 2, "identity_required"]
