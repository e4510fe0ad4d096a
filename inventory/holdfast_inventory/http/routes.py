"""The routes of the inventory: plan, seat map, changes, events, holds and seat blocks.

The handlers decide nothing: `holdfast_web.credentials` decides who may ask, `holds` whether a
request is valid, the store whether it succeeds.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from aiohttp import web

from holdfast_inventory.events.change_streams import StreamBounds
from holdfast_inventory.events.events import (
    EVENTS_MAX,
    EventPage,
    cloud_events,
    map_channel,
    read_cursor,
    seat_changes,
)
from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.holds.hold_requests import (
    HoldBody,
    HoldChangeBody,
    SeatsBody,
    hold_view,
    open_hold_view,
    resolve,
    seat_indices,
)
from holdfast_inventory.holds.open_holds import (
    PASSES_AT_ONCE,
    RETRY_SECONDS,
    hold_key,
    page_open_holds,
)
from holdfast_inventory.holds.sale_inventory import FORCED, RELEASED, SaleInventory
from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_inventory.http import orders as orders_routes
from holdfast_inventory.http.net_streams import stream_net_changes
from holdfast_inventory.http.orders import context_of
from holdfast_inventory.http.request import (
    buyer_ref,
    forcing_operator,
    hold_id_of,
    inventory_of,
    owner_of,
)
from holdfast_inventory.http.streams import set_up_streams, stream_changes, wants_stream
from holdfast_inventory.orders.paying import void_released_order
from holdfast_ledger import LedgerError
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_web.cors import Cors
from holdfast_web.credentials import Role, buyer, require_role, shows_pass
from holdfast_web.endpoint import buyer_endpoint, endpoint, public_endpoint, stream_endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.metrics import METRICS
from holdfast_web.paths import SALE
from holdfast_web.problems import to_error
from holdfast_web.request.acting import actor_of
from holdfast_web.request.body import read_json
from holdfast_web.request.idempotency import idempotency_key, request_digest
from holdfast_web.request.negotiation import takes, takes_coding
from holdfast_web.request.pagination import page, page_limit, page_query
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_text
from holdfast_web.responses import JSON_TYPE, json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole
from holdfast_web.server.ready import Ready

MSGPACK_TYPE: Final = "application/msgpack"
COMPACT_TYPE: Final = "application/vnd.msgpack"
IN_EVENT: Final = "a buyer's hold, made and ended by the store alone, which writes an event of it"
"""Why a hold has no audit entry: the ledger is not asked for one."""
_PLAN_CACHING: Final = "public, max-age=86400, immutable"
_MAP_CACHING: Final = "public, max-age=0, s-maxage=1"

OPEN_HOLD_PASSES: Final = web.AppKey("open_hold_passes", asyncio.Semaphore)


def add_routes(app: web.Application, bounds: StreamBounds | None = None) -> None:
    """Adds all routes of the inventory, those of orders included."""
    set_up_streams(app, bounds or StreamBounds())
    app[OPEN_HOLD_PASSES] = asyncio.Semaphore(PASSES_AT_ONCE)
    floor = RoleRoutes(app, ServiceRole.SALES_FLOOR)
    holds = RoleRoutes(app, ServiceRole.SALES_FLOOR, with_key=ServiceRole.SHOP)
    shop, operator = RoleRoutes(app, ServiceRole.SHOP), RoleRoutes(app, ServiceRole.OPERATOR)
    holds.add("POST", SALE + "/holds", _hold, unaudited=IN_EVENT)
    holds.get(SALE + "/holds", _holds)
    floor.get(SALE + "/plan", _plan)
    floor.get(SALE + "/seats", _seats)
    floor.get(SALE + "/changes", _changes)
    shop.get(SALE + "/events", _events)
    holds.add("POST", SALE + "/holds/cancel", _cancel, unaudited=IN_EVENT)
    holds.get(SALE + "/holds/{id}", _read)
    holds.add("POST", SALE + "/holds/{id}/extend", _extend, unaudited=IN_EVENT)
    holds.add("POST", SALE + "/holds/{id}/release", _release, audits="hold.release")
    operator.add("POST", SALE + "/seats/block", _block, audits="seats.block")
    operator.add("POST", SALE + "/seats/unblock", _unblock, audits="seats.unblock")
    for path in ("/plan", "/seats", "/changes"):
        floor.allow_preflight(SALE + path, Cors.PUBLIC)
    for path in ("", "/cancel", "/{id}", "/{id}/extend", "/{id}/release"):
        floor.allow_preflight(SALE + "/holds" + path, Cors.BUYER)
    orders_routes.add_routes(app)


# Plan and seats


@public_endpoint
@takes_query("form", "guids")
async def _plan(request: web.Request) -> web.StreamResponse:
    asked, guids = query_text(request, "form") or "", query_text(request, "guids") or ""
    if asked not in ("", "columns"):
        raise invalid("form", "`form` can be `columns`.")
    form = (await inventory_of(request)).plan.forms.get((asked, guids))
    if form is None:
        raise invalid("guids", "`guids` can be `none`, with `form=columns`.")
    headers = {"ETag": f'"{form.etag}"', "Cache-Control": _PLAN_CACHING, "Vary": "Accept-Encoding"}
    if _unchanged(request, form.etag):
        return web.Response(status=304, headers=headers)
    coding = next(one for one in form.bodies if not one or _takes_coding(request, one))
    if coding:
        headers["Content-Encoding"] = coding
    return Ready(body=form.bodies[coding], headers=headers, content_type=JSON_TYPE)


@public_endpoint
@takes_query("channel", "seats")
async def _seats(request: web.Request) -> web.StreamResponse:
    inventory = await inventory_of(request)
    channel = map_channel(inventory, query_text(request, "channel"))
    seat_map = (await inventory.seat_map()).seen_by(channel)
    etag = seat_map.etag
    vary = "Accept, Accept-Encoding"
    headers = {"ETag": f'"{etag}"', "Cache-Control": _MAP_CACHING, "Vary": vary}
    if _unchanged(request, etag):
        return web.Response(status=304, headers=headers)
    wanted = query_text(request, "seats")
    if wanted not in (None, "guids"):
        raise invalid("seats", "`seats` can be `guids`.")
    if wanted == "guids":
        return Ready(body=seat_map.json_with_guids, headers=headers, content_type=JSON_TYPE)
    return _map_response(request, seat_map, headers)


def _map_response(request: web.Request, seat_map: SeatMap, headers: dict[str, str]) -> web.Response:
    accept, squeezed = request.headers.get("Accept", ""), _takes_coding(request, "gzip")
    form = next((f for f in (COMPACT_TYPE, MSGPACK_TYPE) if takes(accept, f, JSON_TYPE)), JSON_TYPE)
    if form == COMPACT_TYPE:
        body = seat_map.compact_gzip if squeezed else seat_map.compact
    elif form == MSGPACK_TYPE:
        body = seat_map.msgpack_gzip if squeezed else seat_map.msgpack
    else:
        body = seat_map.json_gzip if squeezed else seat_map.json
    if squeezed:
        headers = {**headers, "Content-Encoding": "gzip"}
    return Ready(body=body, headers=headers, content_type=form)


def _takes_coding(request: web.Request, coding: str) -> bool:
    return takes_coding(request.headers.get("Accept-Encoding", ""), coding)


def _unchanged(request: web.Request, etag: str) -> bool:
    known = request.if_none_match
    return known is not None and any(tag.value == etag for tag in known)


async def _changes(request: web.Request) -> web.StreamResponse:
    return await (_stream if wants_stream(request) else _changes_page)(request)


@stream_endpoint
@takes_query("after", "channel", "form", "every")
async def _stream(request: web.Request) -> web.StreamResponse:
    form = query_text(request, "form")
    if form not in (None, "net"):
        raise invalid("form", "`form` can be `net`.")
    if form is None and query_text(request, "every") is not None:
        raise invalid("every", "Every change is told as it happens; `form=net` has a pace.")
    return await (stream_changes if form is None else stream_net_changes)(request)


@public_endpoint
@takes_query("after", "channel", "form")
async def _changes_page(request: web.Request) -> web.StreamResponse:
    if query_text(request, "form") is not None:
        raise invalid("form", "Net changes are a stream: accept `text/event-stream`.")
    inventory = await inventory_of(request)
    after = read_cursor(query_text(request, "after"))
    if after is None:
        raise invalid("after", "Give the `version` of the map as `after`.")
    channel = map_channel(inventory, query_text(request, "channel"))
    read = await seat_changes(inventory, after, EVENTS_MAX, channel)
    members = {"version": read.cursor, "more": read.more, "changes": read.items}
    return json_response(members, headers={"Vary": "Accept"})


@endpoint
@takes_query("cursor", "after", "limit")
async def _events(request: web.Request) -> web.StreamResponse:
    await require_role(request, Role.PLATFORM)
    inventory = await inventory_of(request)
    # `cursor` as in every other list, so that clients can page by `next` in the same way.
    after = read_cursor(query_text(request, "cursor") or query_text(request, "after"))
    read = await cloud_events(inventory, after, page_limit(request, EVENTS_MAX))
    return json_response(_events_members(read))


def _events_members(read: EventPage) -> dict[str, object]:
    """`next` is there while more can be read at once; `cursor` is where to come back to."""
    return {
        "items": read.items,
        "next": read.cursor if read.more else None,
        "cursor": read.cursor,
    }


# Holds


@buyer_endpoint
async def _hold(request: web.Request) -> web.StreamResponse:
    inventory = await inventory_of(request)
    body = await read_json(request, HoldBody)
    who = await buyer(request, inventory, body.buyer)
    key = idempotency_key(request)
    hold_request = resolve(body, inventory.plan, inventory.settings, who.channels)
    ref = buyer_ref(who)
    digest = request_digest(msgspec.structs.replace(body, buyer=ref.id))
    try:
        # A final pass begins no hold, but a repeat still finds the hold of the first request.
        final = who.claims is not None and who.claims.final
        if final and not await inventory.has_made(ref, key=key):
            raise HoldfastError(ErrorCode.PASS_ENDED)
        answer = await inventory.hold(hold_request, ref, key=key, digest=digest)
    except (HoldfastError, LedgerError) as error:
        _count(request, inventory, to_error(error).code.value)
        raise
    _count(request, inventory, "again" if answer.code is Code.HOLD_REPEATED else "created")
    _observe_choosing(request, inventory, answer)
    return _hold_response(inventory, answer, status=201)


@buyer_endpoint
@takes_query("buyer", "limit", "cursor")
async def _holds(request: web.Request) -> web.StreamResponse:
    inventory = await inventory_of(request)
    named = query_text(request, "buyer")
    if named is None and not shows_pass(request):
        return await _open_holds(request, inventory)
    who = await buyer(request, inventory, named)
    query = page_query(request, int, str)
    after = (int(query.after[0]), str(query.after[1])) if query.after else (0, "")
    now_ms, holds = await inventory.holds_of(who.id)
    left = [hold for hold in holds if (hold.created_ms, hold.id) > after]
    shown = left[: query.limit]
    items = [
        hold_view(hold, now_ms, inventory.name, inventory.plan, inventory.settings)
        for hold in shown
    ]
    more = (shown[-1].created_ms, shown[-1].id) if len(left) > query.limit else None
    return json_response(page(items, more))


async def _open_holds(request: web.Request, inventory: SaleInventory) -> web.Response:
    """A page of all open holds, for an API key that names no buyer."""
    await require_role(request, Role.VIEWER, inventory)
    query = page_query(request, int, str)
    after = (int(query.after[0]), str(query.after[1])) if query.after else (0, "")
    passes = request.app[OPEN_HOLD_PASSES]
    if passes.locked():
        raise HoldfastError(
            ErrorCode.OVERLOADED, "Others read all holds just now.", retry_after=RETRY_SECONDS
        )
    async with passes:
        holds = await page_open_holds(inventory, after=after, limit=query.limit + 1)
    shown, now_ms = holds[: query.limit], inventory.ref.clock.now_ms()
    items = [
        open_hold_view(hold, now_ms, inventory.name, inventory.plan, inventory.settings)
        for hold in shown
    ]
    return json_response(page(items, hold_key(shown[-1]) if len(holds) > query.limit else None))


@buyer_endpoint
@takes_query("buyer")
async def _read(request: web.Request) -> web.StreamResponse:
    inventory = await inventory_of(request)
    owner = await owner_of(request, inventory, query_text(request, "buyer"))
    return _hold_response(inventory, await inventory.read(hold_id_of(request), owner=owner))


@buyer_endpoint
async def _extend(request: web.Request) -> web.StreamResponse:
    inventory = await inventory_of(request)
    body = await read_json(request, HoldChangeBody, default=HoldChangeBody())
    owner = await owner_of(request, inventory, body.buyer)
    hold_id, version = hold_id_of(request), body.version or 0
    answer = await inventory.extend(hold_id, owner=owner, version=version)
    _count(request, inventory, "extended")
    return _hold_response(inventory, answer)


@buyer_endpoint
async def _release(request: web.Request) -> web.StreamResponse:
    inventory = await inventory_of(request)
    body = await read_json(request, HoldChangeBody, default=HoldChangeBody())
    owner = await owner_of(request, inventory, body.buyer)
    hold_id, version = hold_id_of(request), body.version or 0
    forced = await forcing_operator(request, body.buyer)
    reason = RELEASED if forced is None else FORCED
    answer = await inventory.release(hold_id, owner=owner, version=version, reason=reason)
    if answer.hold is not None and answer.hold.ledger:
        await void_released_order(await context_of(request), answer.hold, answer.now_ms)
    if forced is not None and answer.code is Code.OK:
        entry = actor_of(request).entry(
            "hold.release", detail={"hold": hold_id}, after={"status": "released"}
        )
        await (await context_of(request)).ledger.audit.append(entry, sale=inventory.name)
    _count(request, inventory, "released")
    return _hold_response(inventory, answer)


@buyer_endpoint
async def _cancel(request: web.Request) -> web.StreamResponse:
    """Cancels the hold of the `Idempotency-Key`, even if its request has yet to arrive."""
    inventory = await inventory_of(request)
    body = await read_json(request, HoldChangeBody, default=HoldChangeBody())
    who = await buyer(request, inventory, body.buyer)
    answer = await inventory.cancel(buyer_ref(who), key=idempotency_key(request))
    return _hold_response(inventory, answer)


def _hold_response(
    inventory: SaleInventory, answer: HoldAnswer, *, status: int = 200
) -> web.Response:
    if answer.hold is None:
        raise HoldfastError(ErrorCode.UNKNOWN_HOLD)
    view = hold_view(answer.hold, answer.now_ms, inventory.name, inventory.plan, inventory.settings)
    return json_response(view, status=status)


def _count(request: web.Request, inventory: SaleInventory, outcome: str) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None:
        metrics.holds.add(inventory.name, outcome)


def _observe_choosing(request: web.Request, inventory: SaleInventory, answer: HoldAnswer) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None and answer.choosing_ms >= 0:
        metrics.first_hold_seconds.labels(inventory.name).observe(answer.choosing_ms / 1000)


# Seat blocks


@endpoint
async def _block(request: web.Request) -> web.StreamResponse:
    await require_role(request, Role.OPERATOR)
    context = await context_of(request)
    plan = context.inventory.plan
    body = await read_json(request, SeatsBody)
    entry = actor_of(request).entry("seats.block", after={"blocked": body.seats})
    done = await blocking.block(context, seat_indices(body.seats, plan), entry)
    unavailable = [plan.guids[seat] for seat in done.unavailable]
    return json_response({"blocked": len(done.blocked), "unavailable": unavailable})


@endpoint
async def _unblock(request: web.Request) -> web.StreamResponse:
    await require_role(request, Role.OPERATOR)
    context = await context_of(request)
    body = await read_json(request, SeatsBody)
    plan = context.inventory.plan
    entry = actor_of(request).entry("seats.unblock", before={"blocked": body.seats})
    freed = await blocking.unblock(context, seat_indices(body.seats, plan), entry)
    return json_response({"unblocked": freed})
