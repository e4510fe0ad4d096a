"""The demo's storefront: landing page, seats, sandbox payment, order.

A shop of its own on a port of its own, the way a real one stands beside the service: it knows
nothing but the published contract. A visitor comes back from the waiting room with a hand-off,
which this server exchanges for the pass and keeps in a cookie; the page's scripts get the pass and
talk to the service themselves, and without scripts this server does it for them. It holds the
platform key and uses it for what only a shop may do, see `shop_checkout`.

Invariants: an order is shown only to the browser that paid for it; what changes something is a
POST that comes from this shop's own pages.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial, wraps
from typing import Annotated, Final

import aiohttp
import msgspec
from aiohttp import web

from holdfast_connector.contract import HANDOFF_PARAMETER
from holdfast_demo.shop.checkout import Checkout, GivenBack, Payment
from holdfast_demo.shop.cookies import ReceiptCookies, VisitCookie, seconds_until
from holdfast_demo.shop.messages import HELD, NO_TURN, OVER, RELEASED, TURN_OVER, TURN_USED, WORDS
from holdfast_demo.shop.pages import ASSETS, PLAIN_PATH, SEATS_PATH, Pages, Returning, Visit
from holdfast_demo.shop.requests import answer, from_script, read_fields, refusal_of, see
from holdfast_demo.shop.service_client import UNREACHABLE, SaleService, ServiceRefused
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.origins import PUBLIC_ORIGIN, require_same_origin
from holdfast_web.responses import json_response

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_MAX_UNITS: Final = 10
_TOLD: Final = {"held": HELD, "released": RELEASED}
_TURNS: Final = {"over": TURN_OVER, "used": TURN_USED}
_Handler = Callable[[web.Request], Awaitable[web.Response]]


class HoldForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a form without scripts asks for: the best seats, or places of an area."""

    quantity: Annotated[int, msgspec.Meta(ge=1, le=_MAX_UNITS)]
    key: Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern=r"\A[0-9a-f]+\Z")]
    category: str = ""
    area: str = ""

    @property
    def wish(self) -> Mapping[str, object]:
        if self.area:
            return {"areas": [{"id": self.area, "quantity": self.quantity}]}
        chosen = {"categories": [self.category]} if self.category else {}
        return {"best_available": {"quantity": self.quantity, **chosen}}


def create_shop(
    service_url: str,
    shop_url: str,
    sale: str,
    platform_key: str,
    *,
    api_url: str = "",
    key_url: str = "",
) -> web.Application:
    """The shop of `sale`; the first two URLs are the ones that browsers use, `api_url` is where
    the shop's server reaches the service, `key_url` where it uses its key, if that is elsewhere.
    """
    pages = Pages(service_url, shop_url, sale)
    api_url = api_url or service_url
    connect = partial(
        SaleService,
        service_url=api_url,
        sale=sale,
        platform_key=platform_key,
        key_url=key_url or api_url,
    )
    shop = _Shop(pages, shop_url, sale, connect)
    app = web.Application()
    app[PUBLIC_ORIGIN] = shop_url
    app.cleanup_ctx.append(shop.connected)
    for path, page in (
        ("/", shop.landing),
        (SEATS_PATH, shop.seats),
        ("/leave", shop.ask_to_leave),
        ("/orders/{order}", shop.order),
    ):
        app.router.add_get(path, shop.with_problems(page))
    for path, action in (
        ("/hold", shop.hold),
        ("/pay", shop.pay),
        ("/release", shop.give_back),
        ("/renew", shop.renew),
        ("/leave", shop.leave),
        ("/forget", shop.forget),
    ):
        app.router.add_post(path, shop.with_problems(_from_own_page(action)))
    app.router.add_get(ASSETS.pattern, ASSETS.serve)
    app.router.add_get("/{path:.*}", shop.with_problems(shop.nothing_here))
    return app


class _Shop:
    def __init__(
        self,
        pages: Pages,
        shop_url: str,
        sale: str,
        connect: Callable[[aiohttp.ClientSession], SaleService],
    ) -> None:
        self._pages = pages
        self._url = shop_url
        self._connect = connect
        self._visits = VisitCookie(sale)
        self._receipts = ReceiptCookies()

    async def connected(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            self._service = self._connect(session)
            self._checkout = Checkout(self._service)
            yield

    # Pages

    async def landing(self, request: web.Request) -> web.Response:
        facts, status = await self._service.facts(), await self._service.status()
        visit = await self._visit(request)
        orders = self._receipts.orders(request.cookies)
        left = "left" in request.query
        return self._pages.landing(facts, status, Returning(visit, orders, just_left=left))

    async def seats(self, request: web.Request) -> web.Response:
        """The page of seats for a visitor with a pass; a hand-off in the URL becomes one."""
        token = request.query.get(HANDOFF_PARAMETER)
        if token is not None and request.method == "GET":  # HEAD must not use it up
            return await self._enter(request, token)
        facts = await self._service.facts()
        visit = await self._visit(request)
        if visit is None:
            words = _TURNS.get(request.query.get("turn", ""), NO_TURN)
            return self._pages.no_turn(facts, words)
        offer, status = await self._service.offer(), await self._service.status()
        told = _TOLD.get(request.query.get("told", ""), "")
        if not told and not visit.cart and status.state in OVER:
            told = WORDS[OVER[status.state]]
        page = self._pages.plain if "plain" in request.query else self._pages.seats
        return page(facts, offer, visit, told)

    async def order(self, request: web.Request) -> web.Response:
        order_id = request.match_info["order"]
        if not self._receipts.shows(order_id, request.cookies):
            return await self.nothing_here(request)
        order = await self._service.order(order_id)
        facts = await self._service.facts()
        return self._pages.order(facts, order, more="more" in request.query)

    async def ask_to_leave(self, request: web.Request) -> web.Response:
        visit = await self._visit(request)
        if visit is None:
            return see("/")
        return self._pages.ask_to_leave(await self._service.facts(), visit)

    async def nothing_here(self, _: web.Request) -> web.Response:
        return self._pages.nothing_here()

    # Actions

    async def hold(self, request: web.Request) -> web.Response:
        """The form without scripts; scripts ask the service themselves."""
        wish = await read_fields(request, HoldForm)
        await self._service.hold(self._credential(request), wish.wish, wish.key)
        return see(f"{PLAIN_PATH}&told=held")

    async def pay(self, request: web.Request) -> web.Response:
        wish = await read_fields(request, Payment)
        sold = await self._checkout.charge(self._credential(request), wish)
        address = f"/orders/{sold.order_id}" + ("?more=1" if sold.left else "")
        response = answer(request, {"order": address, "left": sold.left}, address)
        self._receipts.give(response, sold.order_id)
        if not sold.left:
            self._visits.forget(response)
        return response

    async def give_back(self, request: web.Request) -> web.Response:
        given_back = await read_fields(request, GivenBack)
        await self._checkout.give_back(self._credential(request), given_back.hold)
        return answer(request, {}, f"{PLAIN_PATH}&told=released")

    async def renew(self, request: web.Request) -> web.Response:
        """A later end of the visit, while there is something in the cart."""
        session = self._visits.read(request.cookies)
        if session is None:
            raise HoldfastError(ErrorCode.UNAUTHORIZED)
        renewed = await self._service.renew(session)
        left = seconds_until(renewed.expires_at)
        response = json_response({"pass": renewed.token, "expires_in_seconds": left})
        self._visits.keep(response, renewed)
        return response

    async def leave(self, request: web.Request) -> web.Response:
        """Gives back the cart and the place in the shop."""
        session = self._visits.read(request.cookies)
        if session is not None:
            try:
                await self._checkout.leave(session)
            except Exception as failure:  # whatever it was: the visitor is still in the shop
                refusal = refusal_of(failure)
                return self._pages.still_inside(refusal.status, refusal.problem)
        response = see("/?left")
        self._visits.forget(response)
        return response

    async def forget(self, _: web.Request) -> web.Response:
        """Forgets the visit, for scripts that were told that the pass is over."""
        response = json_response({})
        self._visits.forget(response)
        return response

    # What the others share

    def with_problems(self, handler: _Handler) -> _Handler:
        """Turns failures into problem documents: JSON for a script, else a page."""

        @wraps(handler)
        async def answered(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except Exception as failure:  # the boundary: faults are logged, the page learns a code
                refusal = refusal_of(failure)
            if from_script(request):
                return json_response(dict(refusal.problem), status=refusal.status)
            if refusal.session_is_over:
                return see(f"{SEATS_PATH}?turn=over")
            back = request.path_qs if request.method == "GET" else SEATS_PATH
            return self._pages.problem(refusal.status, refusal.problem, back)

        return answered

    async def _enter(self, request: web.Request, token: str) -> web.Response:
        try:
            session = await self._service.exchange(token, self._url)
        except ServiceRefused as refusal:
            if refusal.status >= UNREACHABLE:
                raise
            known = self._visits.read(request.cookies) is not None
            return see(SEATS_PATH if known else f"{SEATS_PATH}?turn=used")
        response = see(SEATS_PATH)
        self._visits.keep(response, session)
        return response

    async def _visit(self, request: web.Request) -> Visit | None:
        """The visitor's session and cart; None without a valid pass."""
        session = self._visits.read(request.cookies)
        if session is None:
            return None
        try:
            return Visit(session, await self._service.cart(session.credential))
        except ServiceRefused as refusal:
            if refusal.session_is_over:
                return None
            raise

    def _credential(self, request: web.Request) -> str:
        """The buyer's pass, in a header or in the visit's cookie."""
        session = self._visits.read(request.cookies)
        return request.headers.get("Authorization") or (session.credential if session else "")


def _from_own_page(handler: _Handler) -> _Handler:
    """Refuses requests from other origins' pages, since the cookie would come with them."""

    @wraps(handler)
    async def checked(request: web.Request) -> web.Response:
        require_same_origin(request)
        return await handler(request)

    return checked
