"""The order in which kinds of requests are refused when not all of them can be served.

The one table of it. What costs a buyer who has paid, or the operator who has to act, is refused
last; what can be repeated by a script without losing anything comes first.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final

from holdfast_web.paths import SALES


class Priority(StrEnum):
    """A kind of requests. The first one is refused last."""

    PAYMENT = "payment"
    """Paying, confirming, refunding, orders; the operator; health and metrics."""
    HOLD = "hold"
    """What concerns a hold or a pass that exists."""
    VIEW = "view"
    """What is answered from memory: status, a visitor's view, pages, assets, unknown addresses."""
    NEW = "new"
    """What begins something: joins, claims, holds; and reading the seat map."""


_LIFECYCLE: Final = ("open", "pause", "resume", "drain", "close")
# After `/v1/sales/{sale}`, with `*` in place of an id.
_OF_A_SALE: Final = {
    "GET /status": Priority.VIEW,
    "GET /ticket": Priority.VIEW,
    "GET /draw": Priority.VIEW,
    "GET /identity-key": Priority.VIEW,
    "GET /plan": Priority.NEW,
    "GET /seats": Priority.NEW,
    "GET /changes": Priority.VIEW,
    "GET /live": Priority.VIEW,  # a stream of hours must not pass for a payment under way
    "POST /tickets": Priority.NEW,
    "POST /pass": Priority.NEW,
    "POST /pass/exchange": Priority.NEW,
    "POST /pass/renew": Priority.HOLD,
    "POST /pass/release": Priority.HOLD,
    "DELETE /pass": Priority.HOLD,
    "POST /holds": Priority.NEW,
    "GET /holds": Priority.HOLD,
    "POST /holds/cancel": Priority.HOLD,
    "GET /holds/*": Priority.HOLD,
    "POST /holds/*/extend": Priority.HOLD,
    "POST /holds/*/release": Priority.HOLD,
    "POST /holds/*/paying": Priority.PAYMENT,
    "POST /holds/*/confirm": Priority.PAYMENT,
    "GET /orders": Priority.PAYMENT,
    "GET /orders/*": Priority.PAYMENT,
    "POST /orders/*/refund": Priority.PAYMENT,
    "GET /events": Priority.PAYMENT,
    "GET /report": Priority.PAYMENT,
    "POST /orders/*/resolve": Priority.PAYMENT,
    "POST /visitors/find": Priority.PAYMENT,
    "POST /visitors/revoke": Priority.PAYMENT,
    "GET /addresses": Priority.PAYMENT,
    "POST /reconcile": Priority.PAYMENT,
    "POST /copy": Priority.PAYMENT,
    "POST /seats/block": Priority.PAYMENT,
    "POST /seats/unblock": Priority.PAYMENT,
    "GET /audit": Priority.PAYMENT,
    "GET ": Priority.PAYMENT,
    "PUT ": Priority.PAYMENT,
    "PATCH ": Priority.PAYMENT,
    "DELETE ": Priority.PAYMENT,
    "PUT /plan": Priority.PAYMENT,
    "GET /preview/*": Priority.PAYMENT,
    "POST /draw/beacon": Priority.PAYMENT,
    **{f"POST /{operation}": Priority.PAYMENT for operation in _LIFECYCLE},
}
_OTHERS: Final = {
    "GET /": Priority.PAYMENT,
    "GET /console": Priority.PAYMENT,
    "POST /console": Priority.PAYMENT,
    f"GET {SALES}": Priority.PAYMENT,
    "GET /v1/health": Priority.PAYMENT,
    "GET /v1/audit": Priority.PAYMENT,
    "GET /livez": Priority.PAYMENT,
    "GET /readyz": Priority.PAYMENT,
    "GET /metrics": Priority.PAYMENT,
}
_SALE: Final = SALES + "/"
_CONSOLE: Final = "/console/"
_WITH_ID: Final = frozenset({"holds", "orders", "preview"})


@lru_cache(maxsize=1024)
def priority_of(method: str, target: str) -> Priority:
    """The priority of a request by its method and its address, a query included."""
    path = target.partition("?")[0]
    asked = "GET" if method == "HEAD" else method
    if path.startswith(_SALE):
        _, _, resource = path.removeprefix(_SALE).partition("/")
        found = _OF_A_SALE.get(f"{asked} {_with_star(resource)}")
    elif path.startswith(_CONSOLE):
        return Priority.PAYMENT
    else:
        found = _OTHERS.get(f"{asked} {path}")
    if found is not None:
        return found
    return Priority.VIEW if asked in ("GET", "OPTIONS") else Priority.NEW


def _with_star(resource: str) -> str:
    """`/holds/*/confirm` of `holds/1/confirm`."""
    parts = resource.split("/", 3)
    if len(parts) > 1 and parts[0] in _WITH_ID and parts[1] != "cancel":
        parts[1] = "*"
    return "/" + "/".join(parts) if resource else ""
