"""The demo's storefront: landing page, seat map, sandbox payment, order.

A shop of its own on a port of its own, the way a real one stands beside the service: it knows
nothing but the published contract. The browser comes back from the waiting room with a hand-off,
exchanges it for its pass and talks to the service itself; this server holds the platform key and
uses it for what only a shop may do, see `shop_checkout`.

Invariants: no page holds a script or style of its own or asks anybody but this shop and the
service; an order is shown only to the browser that paid for it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from holdfast.demo.money import Currency
from holdfast.demo.shop_checkout import (
    Desk,
    Item,
    Order,
    Payment,
    PaymentDeclined,
    ReceiptBook,
    SaleFacts,
    ServiceRefused,
)
from holdfast_queue.pages.assets import Assets
from holdfast_queue.pages.render import Html, Templates, data_block
from holdfast_web.body import read_json
from holdfast_web.problems import problem_response, to_error
from holdfast_web.responses import json_response

_FOLDER: Final = Path(__file__).parent
_ASSETS: Final = Assets(_FOLDER / "shop_static", "/static")
_TEMPLATES: Final = Templates(_FOLDER / "shop_templates")
_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)

SEATS_PATH: Final = "/seats"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_PLACE_GIVEN_BACK: Final = "Your place in the shop has gone to the next person in line."
_MORE_LEFT: Final = "There is more in your cart, and it is still held for you."
_Handler = Callable[[web.Request], Awaitable[web.Response]]


def create_shop(service_url: str, shop_url: str, sale: str, platform_key: str) -> web.Application:
    """The shop of `sale`; both URLs are the ones that browsers use."""
    shop = _Shop(service_url, shop_url, sale, platform_key)
    app = web.Application()
    app.cleanup_ctx.append(shop.connected)
    app.router.add_get("/", _told(shop.landing))
    app.router.add_get(SEATS_PATH, _told(shop.seats))
    app.router.add_post("/pay", _told(shop.pay))
    app.router.add_get("/orders/{order}", _told(shop.order))
    _ASSETS.add_route(app)
    return app


def _told(handler: _Handler) -> _Handler:
    """What goes wrong is told as the service itself would tell it."""

    @wraps(handler)
    async def told(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ServiceRefused as refusal:
            return json_response(dict(refusal.problem), status=refusal.status)
        except PaymentDeclined:
            problem = {"code": "payment_declined", "detail": "The bank declined. Nothing was paid."}
            return json_response(problem, status=402)
        except Exception as exc:  # the boundary: faults are logged there, the page learns a code
            return problem_response(to_error(exc))

    return told


class _Shop:
    def __init__(self, service_url: str, shop_url: str, sale: str, platform_key: str) -> None:
        self._service = service_url
        self._url = shop_url
        self._sale = sale
        self._key = platform_key
        self._receipts = ReceiptBook()

    async def connected(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            self._desk = Desk(session, self._service, self._sale, self._key)
            yield

    async def landing(self, _: web.Request) -> web.Response:
        facts = await self._desk.facts()
        return self._page(
            "landing",
            facts,
            {
                "shop_name": "Hall & Floor",
                "subtitle": "On sale now",
                "waiting_room": self._waiting_room(),
                "page_data": self._data(facts),
            },
        )

    async def seats(self, _: web.Request) -> web.Response:
        facts = await self._desk.facts()
        values = {"waiting_room": self._waiting_room(), "page_data": self._data(facts)}
        return self._page("seats", facts, values)

    async def pay(self, request: web.Request) -> web.Response:
        wish = await read_json(request, Payment)
        buyer_pass = request.headers.get("Authorization", "")
        sold = await self._desk.charge(buyer_pass, wish)
        more = "?more=1" if sold.left else ""
        address = f"/orders/{sold.order_id}{more}"
        response = json_response({"order": address, "left": sold.left})
        name, value = self._receipts.receipt(sold.order_id)
        response.set_cookie(name, value, path="/orders", httponly=True, samesite="Lax")
        return response

    async def order(self, request: web.Request) -> web.Response:
        order_id = request.match_info["order"]
        if not self._receipts.shows(order_id, request.cookies):
            raise web.HTTPNotFound
        facts = await self._desk.facts()
        order = await self._desk.order(order_id)
        return self._page("order", facts, _order_values(order, more="more" in request.query))

    def _waiting_room(self) -> str:
        query = urlencode({"t": self._url + SEATS_PATH})
        return f"{self._service}/wait/{self._sale}?{query}"

    def _data(self, facts: SaleFacts) -> Html:
        money = asdict(Currency.of(facts.currency))
        return data_block({"service": self._service, "sale": self._sale, "money": money})

    def _page(self, template: str, facts: SaleFacts, values: Mapping[str, str]) -> web.Response:
        static = {"static": _ASSETS.base}
        shared = {**static, "title": facts.name, "head": _TEMPLATES.render("head", static)}
        body = _TEMPLATES.render(template, {**shared, **values})
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {self._service}; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'"
        )
        headers = {**_HEADERS, "Content-Security-Policy": policy}
        return web.Response(text=body, content_type="text/html", headers=headers)


def _order_values(order: Order, *, more: bool) -> dict[str, str]:
    currency = Currency.of(order.currency)
    lines = (_TEMPLATES.render("item", _line(item, currency)) for item in order.items)
    return {
        "status": order.status.capitalize(),
        "headline": "It is yours.",
        "lead": _MORE_LEFT if more else _PLACE_GIVEN_BACK,
        "back": SEATS_PATH if more else "/",
        "back_label": "Back to your cart" if more else "Back to the start",
        "items": Html("".join(lines)),
        "total": currency.format(order.total),
        "order_id": order.id,
    }


def _line(item: Item, currency: Currency) -> dict[str, str]:
    count = f"{item.quantity} \N{MULTIPLICATION SIGN} " if item.quantity > 1 else ""
    return {"label": count + item.label, "price": currency.format(item.price * item.quantity)}
