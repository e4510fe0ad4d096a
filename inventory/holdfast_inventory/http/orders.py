"""The routes of orders: paying, confirm, refund, and reading orders.

A platform key confirms and refunds; a viewer key reads all orders of a sale; a pass reads those of
its own buyer. The platform sells on behalf of every buyer: the owner of a hold is only checked when
the platform names a `buyer`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiohttp import web

from holdfast_inventory.holds.hold_requests import BuyerName, hold_view
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.http.request import INVENTORIES, hold_id_of
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import ConfirmRequest, ConfirmService, Reference
from holdfast_inventory.orders.orders import order_members
from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_ledger import Ledger, LedgerError, Order, OrderStatus
from holdfast_web.credentials import Role, require_pass, require_role, shows_pass
from holdfast_web.endpoint import buyer_endpoint, endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.metrics import METRICS
from holdfast_web.paths import SALE
from holdfast_web.problems import to_error
from holdfast_web.request.body import read_json
from holdfast_web.request.idempotency import HEADER as IDEMPOTENCY_HEADER
from holdfast_web.request.idempotency import idempotency_key
from holdfast_web.request.pagination import page, page_query
from holdfast_web.request.text import query_text
from holdfast_web.responses import json_response

ORDER_LEDGER: Final[web.AppKey[Ledger]] = web.AppKey("order_ledger", Ledger)
BACKGROUND_TASKS: Final[web.AppKey[BackgroundTasks]] = web.AppKey(
    "background_tasks", BackgroundTasks
)


class PayingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../holds/{id}/paying`; the platform may give its own reference of the order."""

    order_ref: Reference | None = None
    buyer: BuyerName | None = None


def add_routes(app: web.Application) -> None:
    """Adds the routes of orders; the face has set `ORDER_LEDGER` and `INVENTORIES`."""
    app.cleanup_ctx.append(_background)
    app.router.add_post(SALE + "/holds/{id}/paying", pay)
    app.router.add_post(SALE + "/holds/{id}/confirm", confirm)
    app.router.add_get(SALE + "/orders", list_orders)
    app.router.add_get(SALE + "/orders/{id}", read_order)
    app.router.add_post(SALE + "/orders/{id}/refund", refund)


@endpoint
async def pay(request: web.Request) -> web.Response:
    """Begins the payment of a hold."""
    await require_role(request, Role.PLATFORM)
    context = await context_of(request)
    body = await read_json(request, PayingBody, default=PayingBody())
    paying = await begin_paying(context, hold_id_of(request), body.order_ref, body.buyer)
    inventory = context.inventory
    view = hold_view(paying.hold, paying.now_ms, inventory.name, inventory.plan, inventory.settings)
    order = order_members(paying.order, inventory.name)
    return json_response(msgspec.structs.replace(view, order=order))


@endpoint
async def confirm(request: web.Request) -> web.Response:
    """Confirms a paid hold."""
    await require_role(request, Role.PLATFORM)
    context = await context_of(request)
    body = await read_json(request, ConfirmRequest)
    hold_id = hold_id_of(request)
    confirm_service = ConfirmService(request.app[BACKGROUND_TASKS])
    try:
        confirmed = await confirm_service.confirm(context, hold_id, body)
    except (HoldfastError, LedgerError) as error:
        _count(request, context, to_error(error).code.value)
        raise
    _count(request, context, "again" if confirmed.again else "confirmed")
    order = order_members(confirmed.order, context.inventory.name)
    return json_response({"status": "confirmed", "order": order})


@buyer_endpoint
async def list_orders(request: web.Request) -> web.Response:
    """A page of orders, by creation time."""
    context = await context_of(request)
    owner = await _reader(request, context)
    query = page_query(request, int, str)
    after = (int(query.after[0]), str(query.after[1])) if query.after else None
    orders = await context.ledger.orders.page(
        context.inventory.ref.uid,
        limit=query.limit + 1,
        after=after,
        buyer=owner or query_text(request, "buyer"),
        status=_status(query_text(request, "status")),
    )
    shown = orders[: query.limit]
    more = (shown[-1].created_ms, shown[-1].id) if len(orders) > query.limit else None
    return json_response(page([order_members(o, context.inventory.name) for o in shown], more))


@buyer_endpoint
async def read_order(request: web.Request) -> web.Response:
    """One order."""
    context = await context_of(request)
    owner = await _reader(request, context) or query_text(request, "buyer")
    order = await _order(request, context)
    if owner and order.buyer != owner:
        raise HoldfastError(ErrorCode.NOT_OWNER)
    return json_response(order_members(order, context.inventory.name))


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
    order = await refund_service.refund(
        context, hold_id_of(request, ErrorCode.UNKNOWN_ORDER), body, key
    )
    _count(request, context, "refunded")
    return json_response(order_members(order, context.inventory.name))


async def _background(app: web.Application) -> AsyncIterator[None]:
    app[BACKGROUND_TASKS] = BackgroundTasks()
    yield
    await app[BACKGROUND_TASKS].drain()


async def context_of(request: web.Request) -> SaleContext:
    """The context of the sale in the address."""
    inventory = await request.app[INVENTORIES](request.match_info["sale"])
    return SaleContext(inventory, request.app[ORDER_LEDGER])


async def _order(request: web.Request, context: SaleContext) -> Order:
    order_id = hold_id_of(request, ErrorCode.UNKNOWN_ORDER)
    order = await context.ledger.orders.read(context.inventory.ref.uid, order_id)
    if order is None:
        raise HoldfastError(ErrorCode.UNKNOWN_ORDER)
    return order


async def _reader(request: web.Request, context: SaleContext) -> str:
    """The buyer whose orders may be read: a pass's own; empty, for everybody's, with a key."""
    if shows_pass(request):
        return (await require_pass(request, context.inventory)).subject
    await require_role(request, Role.VIEWER)
    return ""


def _status(text: str | None) -> OrderStatus | None:
    if text is None:
        return None
    try:
        return OrderStatus(text)
    except ValueError:
        known = ", ".join(status.value for status in OrderStatus)
        raise invalid("status", f"status must be one of {known}.") from None


def _count(request: web.Request, context: SaleContext, outcome: str) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None:
        metrics.orders.add(context.inventory.name, outcome)
