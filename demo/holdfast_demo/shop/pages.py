"""Renders the HTML of the shop: landing page, seats, messages, order.

Every page says what matters before any script runs, and works without one: the cart, best
available, paying, giving back and leaving are forms. Scripts add the map and what is live.

Invariants: no page holds a script or style of its own. Names that people gave (of the sale, of
places) stand in `bdi` or `dir="auto"`, so that their direction stays their own.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from holdfast_demo.shop.cookies import seconds_until
from holdfast_demo.shop.messages import (
    FAIR_LINE,
    LANDING_WORDS,
    LEAVE_ASKED,
    LEFT,
    OVER,
    STATES,
    WORDS,
    counted,
    leaving,
    minutes_left,
    words_for,
)
from holdfast_demo.shop.service_client import (
    Area,
    BuyerSession,
    Hold,
    Item,
    Offer,
    Order,
    SaleFacts,
    SaleStatus,
)
from holdfast_queue.http.pages.render import Html, Templates, data_block
from holdfast_web.money import Currency
from holdfast_web.pages.assets import Assets

SEATS_PATH: Final = "/seats"
PLAIN_PATH: Final = "/seats?plain=1"
_FOLDER: Final = Path(__file__).parent
ASSETS: Final = Assets(_FOLDER / "static", "/static")
_TEMPLATES: Final = Templates(_FOLDER / "templates")
_PRELOADS: Final = Html(
    "".join(
        f'<link rel="modulepreload" href="{ASSETS.base}/{path.name}">'
        for path in sorted((_FOLDER / "static").glob("*.js"))
        if path.name != "landing.js"
    )
)
"""All modules at once: found one by the other they take as many round trips as they are deep."""

_SHOP_NAME: Final = "Hall & Floor"
_PLACE_GIVEN_BACK: Final = "Your place in the shop has gone to the next person in line."
_MORE_LEFT: Final = "There is more in your cart, and it is still held for you."
_JOINABLE: Final = frozenset({"lobby", "open", "paused"})
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor's session and cart."""

    session: BuyerSession
    cart: list[Hold]

    @property
    def units(self) -> int:
        return sum(hold.units for hold in self.cart)

    @property
    def in_words(self) -> str:
        return counted(self.units, "place", "places")

    @property
    def time_left(self) -> str:
        return minutes_left(seconds_until(self.session.expires_at))


@dataclass(frozen=True, slots=True)
class Returning:
    """What a browser brings along: a visit, orders that it may see, or a visit that just ended."""

    visit: Visit | None
    orders: list[str]
    just_left: bool


class Pages:
    """Renders the shop's pages for one sale; both URLs are the ones that browsers use."""

    def __init__(self, service_url: str, shop_url: str, sale: str) -> None:
        self._service = service_url
        self._sale = sale
        query = urlencode({"t": shop_url + SEATS_PATH})
        self._waiting_room = f"{service_url}/wait/{sale}?{query}"
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {service_url}; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'"
        )

    def landing(self, facts: SaleFacts, status: SaleStatus, who: Returning) -> web.Response:
        """The landing page, with the state of the sale and of this visitor."""
        values = {
            "subtitle": STATES.get(status.state, "On sale now"),
            "facts": _facts(status),
            "word": LANDING_WORDS.get(status.state, FAIR_LINE),
            "yours": Html(_notice(LEFT if who.just_left else "") + _yours(who)),
            "way_in": self._way_in(status, who.visit),
            "page_data": data_block({"service": self._service, "sale": self._sale}),
        }
        return self._page("landing", facts.name, values)

    def seats(self, facts: SaleFacts, offer: Offer, visit: Visit, told: str) -> web.Response:
        """Map and cart, by scripts; a browser without them is sent on to `plain`."""
        data = {
            "service": self._service,
            "sale": self._sale,
            "money": asdict(Currency.of(facts.currency)),
            "pass": visit.session.token,
            "expires_in_seconds": seconds_until(visit.session.expires_at),
            "plan_bytes": offer.plan_bytes,
            "words": dict(WORDS),
            "told": told,
        }
        values = {
            "time_left": f"{visit.time_left} in the shop",
            "preloads": _PRELOADS,
            "plain": PLAIN_PATH,
            "leaving": leaving(visit.units),
            "waiting_room": self._waiting_room,
            "page_data": data_block(data),
        }
        return self._page("seats", facts.name, values)

    def plain(self, facts: SaleFacts, offer: Offer, visit: Visit, told: str) -> web.Response:
        """The page of seats without scripts: the cart, and forms for what can be bought."""
        money = Currency.of(facts.currency)
        areas = [_area_form(offer, area, money) for area in offer.areas]
        values = {
            "time_left": f"{visit.time_left} in the shop",
            "notice": _notice(told),
            "cart": _cart(visit.cart, money),
            "forms": Html("".join([_best_form(offer, money), *areas])),
            "map": SEATS_PATH,
        }
        return self._page("plain", facts.name, values)

    def no_turn(self, facts: SaleFacts, words: tuple[str, str]) -> web.Response:
        """The page for a visitor without a pass, with a link to the waiting room."""
        link = _paragraph(_link(self._waiting_room, "Go to the waiting room", "button"))
        return self._message(facts.name, words, link, 403)

    def ask_to_leave(self, facts: SaleFacts, visit: Visit) -> web.Response:
        """What leaving means, and the button."""
        return self._message(facts.name, (LEAVE_ASKED, leaving(visit.units)), _leave_form("Leave"))

    def still_inside(self, status: int, problem: Mapping[str, object]) -> web.Response:
        """The page for a visitor who could not leave because of a problem."""
        words = ("You are still in the shop", words_for(problem))
        return self._message(_SHOP_NAME, words, _leave_form("Try again"), status)

    def problem(self, status: int, problem: Mapping[str, object], back: str) -> web.Response:
        """The page of an error: its text, its code and a link back."""
        code = Html(f'<p class="small"><code>{escape(str(problem.get("code")))}</code></p>')
        label = "Try again" if back != SEATS_PATH else "Back to the shop"
        actions = Html(code + _paragraph(_link(back, label, "button")))
        return self._message(_SHOP_NAME, ("That did not work", words_for(problem)), actions, status)

    def nothing_here(self) -> web.Response:
        words = ("There is nothing here", "This address is not, or no longer, one of the shop's.")
        home = _paragraph(_link("/", "Back to the start", "button"))
        return self._message(_SHOP_NAME, words, home, 404)

    def order(self, facts: SaleFacts, order: Order, *, more: bool) -> web.Response:
        money = Currency.of(order.currency)
        values = {
            "status": order.status.capitalize(),
            "headline": "It is yours." if order.status == "confirmed" else "Your order",
            "lead": _MORE_LEFT if more else _PLACE_GIVEN_BACK,
            "back": SEATS_PATH if more else "/",
            "back_label": "Back to your cart" if more else "Back to the start",
            "items": _items(order.items, money),
            "total": money.format(order.total),
            "order_id": order.id,
        }
        return self._page("order", facts.name, values)

    def _way_in(self, status: SaleStatus, visit: Visit | None) -> Html:
        if visit is not None:
            return _link(SEATS_PATH, "Back to your seats", "button")
        if status.state in _JOINABLE:
            return _link(self._waiting_room, "Buy tickets", "button")
        return _link(self._waiting_room, "See how the line stands", "button quiet")

    def _message(
        self, title: str, words: tuple[str, str], actions: Html, status: int = 200
    ) -> web.Response:
        """A page with one message and its links."""
        headline, lead = words
        values = {"headline": headline, "lead": lead, "actions": actions}
        return self._page("message", title, values, status)

    def _page(
        self, template: str, title: str, values: Mapping[str, str], status: int = 200
    ) -> web.Response:
        static = {"static": ASSETS.base}
        head = _TEMPLATES.render("head", static)
        shared = {**static, "title": title, "shop_name": _SHOP_NAME, "head": head}
        body = _TEMPLATES.render(template, {**shared, **values})
        headers = {**_HEADERS, "Content-Security-Policy": self._policy}
        return web.Response(text=body, status=status, content_type="text/html", headers=headers)


def _leave_form(label: str) -> Html:
    """The button that ends a visit, and the way to stay."""
    stay = _link(SEATS_PATH, "Stay in the shop", "plain")
    return Html(
        '<form method="post" action="/leave" class="row">'
        f'<button class="button">{label}</button> {stay}</form>'
    )


def _facts(status: SaleStatus) -> Html:
    """The counts of free units and waiting visitors, unless the sale is over."""
    if status.state in OVER:
        return Html("")
    values = {"stock": f"{counted(status.sellable, 'place', 'places')} free", "line": ""}
    if status.state in _JOINABLE:
        line = f"{counted(status.waiting, 'person', 'people')} in line"
        values["line"] = line if status.waiting else "nobody in line"
    return _TEMPLATES.render("facts", values)


def _yours(who: Returning) -> Html:
    """The visitor's orders and cart, if any."""
    lines = [
        f"{_link(f'/orders/{order}', 'Your order', 'inline')} is booked and paid."
        for order in who.orders
    ]
    if who.visit is not None:
        cart = f" and {who.visit.in_words} in your cart" if who.visit.cart else ""
        inside = f"You are in the shop, with {who.visit.time_left} left{cart}."
        lines.append(f"{inside} {_link('/leave', 'Leave the shop', 'inline')}")
    body = "".join(f"<p>{line}</p>" for line in lines)
    return Html(f'<section class="yours" aria-label="Yours">{body}</section>' if lines else "")


def _notice(told: str) -> Html:
    return Html(f'<p class="notice" role="status">{escape(told)}</p>' if told else "")


def _cart(cart: list[Hold], money: Currency) -> Html:
    cards = "".join(_cart_card(hold, money) for hold in cart)
    return Html(cards or '<p class="hint">Nothing yet.</p>')


def _cart_card(hold: Hold, money: Currency) -> str:
    values = {
        "hold": hold.id,
        "items": _items(hold.items, money),
        "total": money.format(hold.total),
        "left": minutes_left(hold.expires_in_seconds),
    }
    return _TEMPLATES.render("plain_hold", values)


def _best_form(offer: Offer, money: Currency) -> str:
    if not offer.categories:
        return ""
    options = "".join(
        f'<option value="{escape(name)}" dir="auto">'
        f"{escape(f'{name} · {money.format(offer.prices.get(name, 0))}')}</option>"
        for name in (category.name for category in offer.categories)
    )
    return _TEMPLATES.render("plain_best", {"options": Html(options), "key": _key()})


def _area_form(offer: Offer, area: Area, money: Currency) -> str:
    price = money.format(offer.prices.get(area.category, 0))
    values = {"area": area.id, "name": area.name, "price": price, "key": _key()}
    return _TEMPLATES.render("plain_area", values)


def _key() -> str:
    """An idempotency key for a form: sent twice, it holds once."""
    return secrets.token_hex(16)


def _items(items: Iterable[Item], money: Currency) -> Html:
    lines = (
        {
            "count": f"{item.quantity} \N{MULTIPLICATION SIGN} " if item.quantity > 1 else "",
            "label": item.label,
            "price": money.format(item.price * item.quantity),
        }
        for item in items
    )
    return Html("".join(_TEMPLATES.render("item", line) for line in lines))


def _link(address: str, label: str, style: str) -> Html:
    return Html(f'<a class="{style}" href="{escape(address)}">{escape(label)}</a>')


def _paragraph(inside: Html) -> Html:
    return Html(f"<p>{inside}</p>")
