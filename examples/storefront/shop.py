"""A small shop behind a Holdfast waiting room: one page to look at, one to buy on, one at the end.

Everything that has to do with the waiting room is in `make_app` and `who_comes`: the connector
stands before the shop, `/buy` is reached through the room only, and the room is told who comes.
The rest is a shop as it might have been before. How to run it: README.md.
"""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from html import escape
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
from aiohttp import web

from holdfast_connector import IdentitySigner, Settings, Visit
from holdfast_connector.aiohttp import session_of, setup

SERVICE = os.environ.get("SHOP_HOLDFAST_URL", "http://127.0.0.1:8080")
SHOP = os.environ.get("SHOP_URL", "http://127.0.0.1:8070")
SALE = os.environ.get("SHOP_SALE", "club-night")
PLATFORM_KEY = os.environ.get("SHOP_PLATFORM_KEY", "")
IDENTITY_KEY = os.environ.get("SHOP_IDENTITY_KEY", "")
API = f"{SERVICE}/v1/sales/{SALE}"
HTTP = web.AppKey("http", aiohttp.ClientSession)
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>The little shop</title>
<meta name="viewport" content="width=device-width"><h1>The little shop</h1>{}</html>"""
TEST_SALE = """<p role="note"><strong>Test sale: nothing is charged, nothing is sent.</strong>
<strong lang="zh-Hans">测试销售 不会扣款 也不会寄出任何东西</strong></p>"""
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3}  # where a unit has not 100 minor ones: ISO 4217
CART: dict[str, str] = {}  # from a visitor to the hold in their cart; a real shop has a database


def make_app() -> web.Application:
    """The shop, with the waiting room in front of it."""
    app = web.Application()
    settings = Settings(
        service_url=SERVICE,
        shop_url=SHOP,
        sale=SALE,
        cookie_secrets=(os.environ.get("SHOP_COOKIE_SECRET") or secrets.token_urlsafe(32),),
        protected=("/buy",),
        identify=who_comes if IDENTITY_KEY else None,
    )
    setup(app, settings)
    app.cleanup_ctx.append(connected)
    app.router.add_get("/", front_page)
    app.router.add_get("/buy", choose)
    app.router.add_post("/buy/hold", hold)
    app.router.add_post("/buy/pay", pay)
    return app


def who_comes(visit: Visit) -> str | None:
    """The customer of a request, signed for the waiting room; a real shop asks its own login."""
    customer = SimpleCookie(visit.headers.get("cookie", "")).get("customer")
    return IdentitySigner.from_json(IDENTITY_KEY).sign(customer.value) if customer else None


async def connected(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http:
        app[HTTP] = http
        yield


async def front_page(request: web.Request) -> web.Response:
    """The public page; sets the cookie `customer`."""
    answer = page('<p>Tickets are on sale now.</p><p><a href="/buy">Buy</a></p>')
    if "customer" not in request.cookies:
        answer.set_cookie("customer", secrets.token_hex(8), httponly=True, samesite="Lax")
    return answer


async def choose(request: web.Request) -> web.Response:
    """Shows the form to put one in the cart; reached with a session only."""
    visitor = session_of(request)
    notice = TEST_SALE if visitor is not None and visitor.test else ""
    return page(
        notice
        + '<form method="post" action="/buy/hold"><button>Put one in the cart</button></form>'
    )


async def hold(request: web.Request) -> web.Response:
    """Holds in the visitor's name, with the visitor's pass."""
    visitor = session_of(request)
    assert visitor is not None  # /buy is protected
    held = await call(
        request,
        "/holds",
        {"areas": [{"id": "floor", "quantity": 1}]},
        credential=visitor.visitor_pass,
        key=secrets.token_hex(8),
    )
    CART[visitor.subject] = held["id"]
    digits = MINOR_DIGITS.get(held["currency"], 2)
    price = f"{held['total'] / 10**digits:.{digits}f} {escape(held['currency'])}"
    return page(f'<form method="post" action="/buy/pay"><button>Pay {price}</button></form>')


async def pay(request: web.Request) -> web.Response:
    """Announces the payment, takes it, confirms it and ends the session."""
    visitor = session_of(request)
    if visitor is None or visitor.subject not in CART:
        raise web.HTTPSeeOther("/buy")
    path = f"/holds/{CART[visitor.subject]}"
    paying = await call(request, f"{path}/paying", {})
    references = {"order_ref": f"shop-{paying['id']}", "payment_ref": f"bank-{paying['id']}"}
    # Here the buyer's card would be charged: that of a sandbox, if `visitor.test`.
    done = await call(request, f"{path}/confirm", {**references, "amount": paying["total"]})
    del CART[visitor.subject]
    answer = page(f"<p>Thank you. Your order: {escape(done['order']['id'])}</p>")
    answer.headers["Waiting-Room-Command"] = "revoke"
    return answer


async def call(
    request: web.Request,
    path: str,
    body: Mapping[str, object],
    credential: str | None = None,
    key: str = "",
) -> Any:  # JSON of the service
    """One call to the service: with the visitor's pass, or with the shop's own key."""
    headers = {"Authorization": f"Bearer {credential or PLATFORM_KEY}"}
    if key:
        headers["Idempotency-Key"] = key
    async with request.app[HTTP].post(API + path, json=body, headers=headers) as response:
        answer = await response.json(content_type=None)
    if response.status >= 400:
        raise web.HTTPConflict(text=str(answer["detail"]))
    return answer


def page(content: str) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=PAGE.format(content), content_type="text/html", headers=headers)


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(SHOP.rpartition(":")[2]))
