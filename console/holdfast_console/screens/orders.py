"""Orders: search, the inbox of those that somebody has to see to, totals, one order, export."""

import secrets
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from holdfast_console.api import FILE_PAGES_MAX, sale_url
from holdfast_console.screen import (
    ConsolePage,
    Screen,
    ScreenAnswer,
    ScreenRequest,
    StreamedFile,
    ask_first,
    redirect,
)
from holdfast_web.exports.orders import csv_heading, csv_rows, json_rows

SHOWN: Final = 50
SEARCHED: Final = ("id", "order_ref", "payment_ref", "buyer")
"""by what an order can be found: query parameters of the list"""
MAX_DIGITS: Final = 9
"""of a number of tickets"""
INBOX: Final = {
    "refund_required": {"status": "refund_required"},
    "stuck": {"status": "pending"},
    "flagged": {"flag": "any"},
}
"""the parts of the inbox, by the query parameters that choose them"""
CONTENT_TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
"""of a file, by its format"""


async def show(request: ScreenRequest) -> ConsolePage:
    """A page of the orders that are asked for, and the totals of all."""
    chosen = _chosen(request)
    path = sale_url(request.sale, "/orders")
    cursor = request.parameters.get("cursor")
    listed = await request.api.get(path, limit=SHOWN, cursor=cursor, **chosen)
    totals = await request.api.get(f"{path}/totals")
    values = {
        "orders": listed["items"],
        "more": listed["next"],
        "totals": totals,
        "searched": SEARCHED,
        "kind": request.parameters.get("kind", SEARCHED[0]),
        "value": request.parameters.get("value", ""),
        "inbox": tuple(INBOX),
        "part": request.parameters.get("inbox", ""),
        "statuses": totals["by_status"],
    }
    return ConsolePage("orders.html", values)


def _chosen(request: ScreenRequest) -> dict[str, str]:
    """The query parameters of the API for what the address asks for."""
    asked = request.parameters
    chosen = dict(INBOX.get(asked.get("inbox", ""), {}))
    value = asked.get("value", "").strip()
    if value and asked.get("kind") in SEARCHED:
        chosen[asked["kind"]] = value
    return chosen


async def export(request: ScreenRequest) -> ScreenAnswer:
    """The orders that are asked for as a file, written while they are read."""
    wanted = request.parameters.get("format", "")
    kind = wanted if wanted in CONTENT_TYPES else "csv"
    # What cannot be read is refused while the answer can still be a page.
    await request.api.get(sale_url(request.sale, "/orders"), limit=1, **_chosen(request))
    name = f"{request.sale}-orders.{kind}"
    return StreamedFile(_lines(request, kind), CONTENT_TYPES[kind], name)


async def _lines(request: ScreenRequest, kind: str) -> AsyncIterator[bytes]:
    if kind == "csv":
        yield csv_heading().encode()
    path = sale_url(request.sale, "/orders")
    async for orders in request.api.pages(path, FILE_PAGES_MAX, **_chosen(request)):
        yield (csv_rows(orders) if kind == "csv" else json_rows(orders)).encode()


async def show_order(request: ScreenRequest) -> ConsolePage:
    """One order with its items."""
    order = await request.api.get(_order_url(request))
    return ConsolePage("order.html", _order_values(order))


async def refund(request: ScreenRequest) -> ScreenAnswer:
    """Gives the chosen items back, or the whole order, once that is agreed to."""
    t, order = request.texts, await request.api.get(_order_url(request))
    back = f"/sales/{request.sale}/orders/{request.path['id']}"
    items = None if request.form.get("all") else _items(request, order)
    if items == []:
        return ConsolePage("order.html", {**_order_values(order), "nothing": True})
    if not request.confirmed:
        amount = t.money(_amount(order, items), order["currency"])
        consequences = [t("refund_amount", amount=amount), t("refund_seats"), t("refund_payment")]
        return ask_first(request, t("refund_title"), consequences, t("refund"), back=back)
    given = request.form.get("key")
    key = {"Idempotency-Key": given} if given else {}
    body = {} if items is None else {"items": items}
    await request.api.call("POST", f"{_order_url(request)}/refund", body, headers=key)
    return redirect(back, "refunded")


async def resolve(request: ScreenRequest) -> ScreenAnswer:
    """Takes a flagged order out of the inbox."""
    await request.api.post(f"{_order_url(request)}/resolve", {})
    return redirect(f"/sales/{request.sale}/orders/{request.path['id']}", "resolved")


def _order_url(request: ScreenRequest) -> str:
    return sale_url(request.sale, f"/orders/{quote(request.path['id'], safe='')}")


def _order_values(order: dict[str, Any]) -> dict[str, Any]:
    """What the page of an order shows; under its `refund_key` a refund sent twice is one."""
    return {
        "order": order,
        "open_items": _open_items(order),
        "refund_key": secrets.token_hex(16),
        "nothing": False,
    }


def _open_items(order: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The items of which something can be given back, by their place in the order."""
    if order["status"] not in ("confirmed", "partially_refunded"):
        return []
    return [
        (at, item) for at, item in enumerate(order["items"]) if item["quantity"] > item["refunded"]
    ]


def _items(request: ScreenRequest, order: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields `item-<place>` of the form: a tick for a seat, a number for an area."""
    chosen = []
    for at, item in _open_items(order):
        value = request.form.get(f"item-{at}", "")
        quantity = int(value) if value.isdecimal() and len(value) <= MAX_DIGITS else 0
        if quantity and "seat" in item:
            chosen.append({"seat": item["seat"]})
        elif quantity:
            chosen.append({"area": item["area"], "quantity": quantity})
    return chosen


def _amount(order: dict[str, Any], items: list[dict[str, Any]] | None) -> int:
    """What a refund of these items gives back: an area's cheapest units are not known, so its
    first ones are taken, as the ledger does.
    """
    left = [item["quantity"] - item["refunded"] for item in order["items"]]
    prices = [item["price"] for item in order["items"]]
    if items is None:
        return sum(price * units for price, units in zip(prices, left, strict=True))
    amount = 0
    for one in items:
        wanted = one.get("quantity", 1)
        name = "seat" if "seat" in one else "area"
        for at, item in enumerate(order["items"]):
            if item.get(name) == one[name]:
                taken = min(wanted, left[at])
                amount, wanted, left[at] = (
                    amount + taken * prices[at],
                    wanted - taken,
                    left[at] - taken,
                )
    return amount


SCREEN: Final = Screen("orders", "/sales/{sale}/orders", show)
EXPORT: Final = Screen("orders_export", "/sales/{sale}/orders/export", export, listed=False)
ORDER: Final = Screen(
    "order",
    "/sales/{sale}/orders/{id}",
    show_order,
    {"refund": refund, "resolve": resolve},
    listed=False,
)
