"""The routes of orders: paying, confirm, refund, and reading orders.

A platform key confirms and refunds; a viewer key reads all orders of a sale; a pass reads those of
its own buyer. The platform sells on behalf of every buyer: the owner of a hold is only checked when
the platform names a `buyer`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Annotated, Final, Protocol

import msgspec
from aiohttp import web

from holdfast_inventory.holds.hold_requests import BuyerName, hold_view
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.http.request import INVENTORIES, hold_id_of, inventory_of
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import Confirmed, ConfirmRequest, ConfirmService, Reference
from holdfast_inventory.orders.flags import FlagService
from holdfast_inventory.orders.orders import order_members, totals_members
from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_ledger import (
    ANY_FLAG,
    Ledger,
    LedgerError,
    Order,
    OrderFlag,
    OrderQuery,
    OrderStatus,
    SaleMissing,
)
from holdfast_lua.clock import host_ms
from holdfast_web.credentials import NamedSale, Role, require_pass, require_role, shows_pass
from holdfast_web.endpoint import buyer_endpoint, endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.metrics import METRICS
from holdfast_web.paths import SALE
from holdfast_web.problems import to_error
from holdfast_web.request.acting import actor_of
from holdfast_web.request.body import read_json
from holdfast_web.request.idempotency import HEADER as IDEMPOTENCY_HEADER
from holdfast_web.request.idempotency import idempotency_key
from holdfast_web.request.pagination import page, page_query
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_text
from holdfast_web.responses import json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

ORDER_LEDGER: Final[web.AppKey[Ledger]] = web.AppKey("order_ledger", Ledger)
IN_ORDER: Final = "the order itself says which key, address and request it comes from"
"""Why a payment has no audit entry: it would double what a confirm writes."""

BACKGROUND_TASKS: Final[web.AppKey[BackgroundTasks]] = web.AppKey(
    "background_tasks", BackgroundTasks
)
FLAGS: Final[web.AppKey[FlagService]] = web.AppKey("flags", FlagService)
NOTE_CHARS_MAX: Final = 500
BY_UID: Final = "uid:"
"""Begins the name of a sale that is told by its uid; no sale's own name has a colon."""
UID: Final = re.compile(r"[a-z0-9]{1,32}")


class OrdersSale(NamedSale, Protocol):
    """A sale whose orders are read, which a test sale's say they are."""

    @property
    def test(self) -> bool: ...


class ResolveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../orders/{id}/resolve`; the note goes into the audit."""

    note: Annotated[str, msgspec.Meta(max_length=NOTE_CHARS_MAX)] = ""


class PayingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../holds/{id}/paying`; the platform may give its own reference of the order."""

    order_ref: Reference | None = None
    buyer: BuyerName | None = None


def add_routes(app: web.Application) -> None:
    """Adds the routes of orders; the face has set `ORDER_LEDGER` and `INVENTORIES`."""
    app.cleanup_ctx.append(_background)
    app[FLAGS] = FlagService(partial(_count_flag, app))
    shop = RoleRoutes(app, ServiceRole.SHOP)
    reading = RoleRoutes(app, ServiceRole.SALES_FLOOR, with_key=ServiceRole.SHOP)
    shop.add("POST", SALE + "/holds/{id}/paying", pay, unaudited=IN_ORDER)
    shop.add("POST", SALE + "/holds/{id}/confirm", confirm, unaudited=IN_ORDER)
    reading.get(SALE + "/orders", list_orders)
    shop.get(SALE + "/orders/totals", read_totals)
    reading.get(SALE + "/orders/{id}", read_order)
    shop.add("POST", SALE + "/orders/{id}/refund", refund, audits="order.refund")
    operator = RoleRoutes(app, ServiceRole.OPERATOR)
    operator.add("POST", SALE + "/orders/{id}/resolve", resolve, audits="order.resolve")


@endpoint
async def pay(request: web.Request) -> web.Response:
    """Begins the payment of a hold."""
    await require_role(request, Role.PLATFORM)
    context = await context_of(request)
    body = await read_json(request, PayingBody, default=PayingBody())
    paying = await begin_paying(
        context, hold_id_of(request), body.order_ref, body.buyer, actor_of(request)
    )
    inventory = context.inventory
    view = hold_view(paying.hold, paying.now_ms, inventory.name, inventory.plan, inventory.settings)
    order = order_members(paying.order, inventory.name, test=inventory.test)
    return json_response(msgspec.structs.replace(view, order=order))


@endpoint
async def confirm(request: web.Request) -> web.Response:
    """Confirms a paid hold."""
    await require_role(request, Role.PLATFORM)
    context = await context_of(request)
    body = await read_json(request, ConfirmRequest)
    hold_id = hold_id_of(request)
    confirm_service = ConfirmService(request.app[BACKGROUND_TASKS], request.app[FLAGS])
    try:
        confirmed = await confirm_service.confirm(context, hold_id, body, actor_of(request))
    except (HoldfastError, LedgerError) as error:
        _count(request, context, to_error(error).code.value)
        raise
    _count(request, context, "again" if confirmed.again else "confirmed")
    _count_revenue(request, context, confirmed)
    inventory = context.inventory
    order = order_members(confirmed.order, inventory.name, test=inventory.test)
    return json_response({"status": "confirmed", "order": order})


@buyer_endpoint
@takes_query("buyer", "status", "order_ref", "payment_ref", "id", "flag", "limit", "cursor")
async def list_orders(request: web.Request) -> web.Response:
    """A page of orders, by creation time."""
    of = await orders_sale(request)
    owner = await _reader(request, of)
    query = page_query(request, int, str)
    after = (int(query.after[0]), str(query.after[1])) if query.after else None
    orders = await request.app[ORDER_LEDGER].orders.page(
        of.uid,
        limit=query.limit + 1,
        after=after,
        of=_query(request, owner),
    )
    shown = orders[: query.limit]
    more = (shown[-1].created_ms, shown[-1].id) if len(orders) > query.limit else None
    return json_response(page(await _shown(request, of, shown, flags=not owner), more))


@endpoint
async def read_totals(request: web.Request) -> web.Response:
    """Counts and sums of all orders of the sale."""
    await require_role(request, Role.VIEWER)
    of = await orders_sale(request)
    totals = await request.app[ORDER_LEDGER].orders.totals(of.uid)
    return json_response(totals_members(totals, of.name, test=of.test))


@buyer_endpoint
@takes_query("buyer")
async def read_order(request: web.Request) -> web.Response:
    """One order."""
    of = await orders_sale(request)
    owner = await _reader(request, of) or query_text(request, "buyer")
    order = await _order(request, of)
    if owner and order.buyer != owner:
        raise HoldfastError(ErrorCode.NOT_OWNER)
    return json_response((await _shown(request, of, [order], flags=not shows_pass(request)))[0])


@endpoint
async def refund(request: web.Request) -> web.Response:
    """Refunds an order or the `items` named, and puts their units back on sale.

    Units of an area have no names, so an `Idempotency-Key` is needed to recognise a repeat.
    """
    await require_role(request, Role.PLATFORM)
    context = await context_of(request)
    body = await read_json(request, RefundRequest, default=RefundRequest())
    nameless = any(item.area is not None for item in body.items or ())
    key = idempotency_key(request) if nameless or IDEMPOTENCY_HEADER in request.headers else None
    refund_service = RefundService(request.app[BACKGROUND_TASKS])
    order, amount = await refund_service.refund(
        context, hold_id_of(request, ErrorCode.UNKNOWN_ORDER), body, key, actor_of(request)
    )
    _count(request, context, "refunded")
    metrics = request.app.get(METRICS)
    if metrics is not None and amount:
        metrics.refunds.add(context.inventory.name, order.currency, n=amount)
    inventory = context.inventory
    return json_response(order_members(order, inventory.name, test=inventory.test))


@endpoint
async def resolve(request: web.Request) -> web.Response:
    """Takes an order from the list of abnormal ones, for good; a repeat changes nothing."""
    await require_role(request, Role.OPERATOR)
    body = await read_json(request, ResolveBody, default=ResolveBody())
    of, ledger = await orders_sale(request), request.app[ORDER_LEDGER]
    order = await _order(request, of)
    flags = (await ledger.order_flags.of([order.id])).get(order.id, ())
    entry = actor_of(request).entry(
        "order.resolve",
        detail={"order": order.id, "note": body.note},
        before={"flags": flags},
        after={"flags": []},
    )
    await ledger.order_flags.resolve(of.uid, order.id, at_ms=host_ms(), sale=of.name, entry=entry)
    return json_response((await _shown(request, of, [order], flags=True))[0])


async def _shown(
    request: web.Request, of: OrdersSale, orders: Sequence[Order], *, flags: bool
) -> list[dict[str, object]]:
    """The orders as the API shows them; `flags` are for keys, not for buyers."""
    shown = [order_members(order, of.name, test=of.test) for order in orders]
    if flags and shown:
        found = await request.app[ORDER_LEDGER].order_flags.of([order.id for order in orders])
        for members in shown:
            if members["id"] in found:
                members["flags"] = found[str(members["id"])]
    return shown


def _count_flag(app: web.Application, sale: str, flag: OrderFlag) -> None:
    metrics = app.get(METRICS)
    if metrics is not None:
        metrics.orders_flagged.add(sale, flag.value)


async def _background(app: web.Application) -> AsyncIterator[None]:
    app[BACKGROUND_TASKS] = BackgroundTasks()
    yield
    await app[BACKGROUND_TASKS].drain()


async def context_of(request: web.Request) -> SaleContext:
    """The context of the sale in the address."""
    inventory = await request.app[INVENTORIES](request.match_info["sale"])
    return SaleContext(inventory, request.app[ORDER_LEDGER])


async def orders_sale(request: web.Request) -> OrdersSale:
    """The sale whose orders are read: by its name, or as `uid:<uid>`, deleted or not.

    By uid it is read from the ledger, by API keys only; a pass names its sale.
    """
    name, by_uid, uid = request.match_info["sale"].partition(BY_UID)
    if name or not by_uid:
        return await inventory_of(request)
    await require_role(request, Role.VIEWER)
    try:
        if UID.fullmatch(uid) is None:
            raise SaleMissing
        return await request.app[ORDER_LEDGER].sales.read_uid(uid)
    except SaleMissing:
        raise SaleMissing("No sale has this uid.") from None


async def _order(request: web.Request, of: NamedSale) -> Order:
    order_id = hold_id_of(request, ErrorCode.UNKNOWN_ORDER)
    order = await request.app[ORDER_LEDGER].orders.read(of.uid, order_id)
    if order is None:
        raise HoldfastError(ErrorCode.UNKNOWN_ORDER)
    return order


async def _reader(request: web.Request, of: NamedSale) -> str:
    """The buyer whose orders may be read: a pass's own; empty, for everybody's, with a key."""
    if shows_pass(request):
        return (await require_pass(request, of)).subject
    await require_role(request, Role.VIEWER)
    return ""


def _query(request: web.Request, owner: str) -> OrderQuery:
    """Which orders the query parameters choose; `owner` is the buyer of a pass, else empty."""
    named = query_text(request, "buyer")
    return OrderQuery(
        id=query_text(request, "id"),
        buyer=owner or named,
        status=_status(query_text(request, "status")),
        order_ref=query_text(request, "order_ref"),
        payment_ref=query_text(request, "payment_ref"),
        flag=None if owner else _flag(query_text(request, "flag")),
    )


def _flag(text: str | None) -> str | None:
    if text not in (None, ANY_FLAG, *OrderFlag):
        raise invalid("flag", f"flag must be {ANY_FLAG} or one of {', '.join(OrderFlag)}.")
    return text


def _status(text: str | None) -> OrderStatus | None:
    if text is None:
        return None
    try:
        return OrderStatus(text)
    except ValueError:
        known = ", ".join(status.value for status in OrderStatus)
        raise invalid("status", f"status must be one of {known}.") from None


def _count_revenue(request: web.Request, context: SaleContext, confirmed: Confirmed) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None and not confirmed.again:
        order = confirmed.order
        metrics.revenue.add(context.inventory.name, order.currency, n=order.total)


def _count(request: web.Request, context: SaleContext, outcome: str) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None:
        metrics.orders.add(context.inventory.name, outcome)
