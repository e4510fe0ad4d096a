"""A buyer who comes back to a shop behind the connector, as a storefront's visitors do.

The gate is the very package that shops install (`holdfast_connector`), which is part of the public
contract: it verifies the hand-off, exchanges it, and keeps the session in a cookie. Beside the
buyer's own way the shop is shown what it must refuse: a hand-off used twice, and a forged one.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import jwt

from holdfast_connector import Admit, Answer, Gate, Settings
from holdfast_connector import Visit as ShopVisit
from holdfast_connector.contract import HANDOFF_PARAMETER
from holdfast_connector.fetching import FetchFailed, Request, Response
from holdfast_loadtest.bots.forgeries import broken_signature
from holdfast_loadtest.client import Malformed, Unreachable
from holdfast_loadtest.crowd.tally import VisitorState
from holdfast_loadtest.crowd.visitor import Gone
from holdfast_loadtest.crowd.visits import Visit
from holdfast_loadtest.locust.part import Part
from holdfast_loadtest.locust.users.shoppers import ShopperUser
from holdfast_loadtest.wire import Pass

USED_ONCE: Final = "a hand-off is taken once"
NEVER_FORGED: Final = "a shop behind the connector takes no forged hand-off"
LANDING: Final = "/seats"
# It would warn of each of the forgeries that are made here.
logging.getLogger("holdfast_connector").setLevel(logging.ERROR)

PAGE: Final = {"accept": "text/html", "sec-fetch-mode": "navigate"}


class Storefront(ShopperUser):
    """Waits, is handed off to the shop, and buys there with the pass of the shop's session."""

    kind = "storefront"

    def begin(self) -> Visit:
        origins = self.part.context.offer.return_origins
        if not origins:
            return super().begin()
        return StorefrontVisit(self, origins[0])


class StorefrontVisit(Visit):
    """A visit that goes through the shop's gate."""

    def __init__(self, person: Storefront, origin: str) -> None:
        super().__init__(person.profile, person.part.context, origin + LANDING)
        self._part = person.part
        self._origin = origin
        self._complain = person.part.context.journal.complain

    async def enter_shop(self, passed: Pass) -> Pass:
        if passed.redirect_to is None:
            raise Malformed("a pass that was asked for with a return URL leads nowhere")
        # Who the service says that it is; the gate verifies it.
        issuer = str(jwt.decode(passed.token, options={"verify_signature": False})["iss"])
        gate = gate_of(self._part, self._origin, issuer)
        target = target_of(passed.redirect_to)
        self._check_forgery(gate, target)
        taken = gate.decide(shop_visit(target))
        cookie = _cookie(taken)
        admitted = gate.decide(shop_visit(LANDING, cookie))
        if not isinstance(admitted, Admit) or admitted.session is None:
            status = taken.status if isinstance(taken, Answer) else 200
            if status == 503:
                raise Gone(VisitorState.FAILED)
            raise Malformed(f"the shop's gate answered {status} to a good hand-off")
        self._check_replay(gate, target)
        return Pass(admitted.session.visitor_pass or passed.token, admitted.session.pass_id)

    def _check_replay(self, gate: Gate, target: str) -> None:
        """Another browser comes with the hand-off that was just used."""
        if _cookie(gate.decide(shop_visit(target))):
            self._complain(USED_ONCE, "a second browser got a session by the same hand-off")

    def _check_forgery(self, gate: Gate, target: str) -> None:
        path, _, token = target.partition(f"{HANDOFF_PARAMETER}=")
        forged = f"{path}{HANDOFF_PARAMETER}={broken_signature(token)}"
        if _cookie(gate.decide(shop_visit(forged))):
            self._complain(NEVER_FORGED, "a hand-off with another signature got a session")


@lru_cache(maxsize=8)
def gate_of(part: Part, origin: str, issuer: str) -> Gate:
    """The shop's gate, one for all its visitors in this process."""

    def fetch(request: Request) -> Response:
        path = urlsplit(request.url).path
        step = "exchange" if path.endswith("/exchange") else "shop"
        try:
            answer = part.client.send(request.method, path, request.headers, request.body, step)
        except Unreachable as error:
            raise FetchFailed(str(error)) from error
        return Response(answer.status, answer.body)

    settings = Settings(
        service_url=issuer,
        internal_url=part.assignment.url,
        shop_url=origin,
        sale=part.assignment.sale,
        cookie_secrets=(secrets.token_urlsafe(32),),
    )
    return Gate(settings, fetch=fetch)


def shop_visit(target: str, cookie: str = "") -> ShopVisit:
    """A request to the shop by somebody's browser."""
    headers: Mapping[str, str] = {**PAGE, "cookie": cookie} if cookie else PAGE
    return ShopVisit("GET", target.partition("?")[0], target, headers)


def target_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}"


def _cookie(decision: Admit | Answer) -> str:
    """The session that an answer sets, as the browser sends it back; empty when it sets none."""
    if isinstance(decision, Admit):
        return ""
    for name, value in decision.headers:
        if name.lower() == "set-cookie":
            return value.partition(";")[0]
    return ""
