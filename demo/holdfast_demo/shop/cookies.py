"""The shop's cookies: the pass of a visit, and receipts for orders.

The pass is kept in a cookie that scripts cannot read, so that the shop's server knows a returning
visitor before any script runs; whether the pass is still worth something is for the service to say.
A receipt is the name of an order, signed: with it the browser may look at the order.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from holdfast_demo.shop.service_client import BuyerSession

_RECEIPT_PREFIX: Final = "receipt_"
_RECEIPT_SECONDS: Final = 24 * 3600
_RECEIPTS_SHOWN_MAX: Final = 5
_MAX_COOKIE_CHARS: Final = 4096


class VisitCookie:
    """The cookie with a visitor's session; one for each sale, since ports share their cookies."""

    def __init__(self, sale: str) -> None:
        self._name = f"shop_visit_{sale}"

    def read(self, cookies: Mapping[str, str]) -> BuyerSession | None:
        """The session that the browser came with, if its time is not over."""
        value = cookies.get(self._name, "")
        token, _, expires_at = value.partition("|")
        if not token or len(value) > _MAX_COOKIE_CHARS or seconds_until(expires_at) <= 0:
            return None
        return BuyerSession(token, expires_at)

    def keep(self, response: web.StreamResponse, session: BuyerSession) -> None:
        response.set_cookie(
            self._name,
            f"{session.token}|{session.expires_at}",
            max_age=max(1, seconds_until(session.expires_at)),
            httponly=True,
            samesite="Lax",
        )

    def forget(self, response: web.StreamResponse) -> None:
        response.del_cookie(self._name, httponly=True, samesite="Lax")


class ReceiptCookies:
    """Signed cookies that let a browser see the orders it paid for."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def give(self, response: web.StreamResponse, order_id: str) -> None:
        response.set_cookie(
            _RECEIPT_PREFIX + order_id,
            self._sign(order_id),
            max_age=_RECEIPT_SECONDS,
            httponly=True,
            samesite="Lax",
        )

    def shows(self, order_id: str, cookies: Mapping[str, str]) -> bool:
        given = cookies.get(_RECEIPT_PREFIX + order_id, "")
        return hmac.compare_digest(given.encode(), self._sign(order_id).encode())

    def orders(self, cookies: Mapping[str, str]) -> list[str]:
        """The orders that this browser may see, not more than a page has room for."""
        names = [name for name in cookies if name.startswith(_RECEIPT_PREFIX)]
        orders = (name.removeprefix(_RECEIPT_PREFIX) for name in names)
        return [order for order in orders if self.shows(order, cookies)][-_RECEIPTS_SHOWN_MAX:]

    def _sign(self, order_id: str) -> str:
        return hmac.new(self._secret, order_id.encode(), hashlib.sha256).hexdigest()


def seconds_until(instant: str) -> int:
    """Whole seconds until an RFC 3339 instant; 0 when it is past, or no instant."""
    try:
        until = datetime.fromisoformat(instant)
    except ValueError:
        return 0
    if until.tzinfo is None:
        return 0
    return max(0, int((until - datetime.now(UTC)).total_seconds()))
