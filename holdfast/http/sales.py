"""The routes of `/v1/sales`, by which an operator creates, reads, changes and ends sales.

Handlers only translate between HTTP and operations.py. Reading needs the role viewer, changing the
role operator.
"""

import asyncio
import contextlib
import logging
from typing import Annotated, Final

import msgspec
from aiohttp import web

from holdfast.figures.headline import headline_figures
from holdfast.http.app_keys import DIRECTORY, EXECUTOR, LEDGER, OPERATIONS
from holdfast.sales.directory import SALE_NAME
from holdfast.sales.operations import LIFECYCLE_OPERATIONS, Put
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleBody, SaleSpec, spec_from_json
from holdfast_ledger import SaleRecord
from holdfast_lua.history import HistoryCalls
from holdfast_queue.draw.commitment import MAX_BEACON_CHARS, is_beacon
from holdfast_queue.http.responses import draw_members
from holdfast_queue.line.status import sale_state
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import Handler, endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.metrics import METRICS
from holdfast_web.paths import SALE, SALES, sale_path
from holdfast_web.request.acting import actor_of
from holdfast_web.request.body import (
    PLAN_LIMIT_BYTES,
    PLAN_SECONDS,
    read_bytes,
    read_json,
    read_members,
)
from holdfast_web.request.pagination import page, page_query
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_flag, query_number
from holdfast_web.responses import json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole
from holdfast_web.timestamps import timestamp

LISTED_SECONDS: Final = 2.0
"""how long a list waits for one sale's state"""

logger = logging.getLogger(__name__)


class BeaconBody(msgspec.Struct, forbid_unknown_fields=True):
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BEACON_CHARS)]


def add_routes(app: web.Application) -> None:
    """Adds the routes."""
    operator = RoleRoutes(app, ServiceRole.OPERATOR)
    operator.get(SALES, list_sales)
    operator.get(SALE, get_sale)
    operator.add("PUT", SALE, put_sale, audits="sale.put")
    operator.add("PATCH", SALE, patch_sale, audits="sale.patch")
    operator.add("DELETE", SALE, delete_sale, audits="sale.delete")
    operator.add("PUT", SALE + "/plan", put_plan, audits="sale.put_plan")
    operator.add("POST", SALE + "/copy", copy_sale, audits="sale.copy")
    operator.add("POST", SALE + "/draw/beacon", post_beacon, audits="sale.draw_beacon")
    for operation in LIFECYCLE_OPERATIONS:
        handler = _lifecycle(operation)
        operator.add("POST", f"{SALE}/{operation}", handler, audits=f"sale.{operation}")


@endpoint
@takes_query("strict")
async def put_sale(request: web.Request) -> web.Response:
    """201 with a new sale, 200 with one that replaced another, 409 `sale_started`."""
    await require_role(request, Role.OPERATOR)
    name = _new_name(request.match_info["sale"], "sale")
    strict = query_flag(request, "strict")
    body = await read_json(request, SaleBody, limit=PLAN_LIMIT_BYTES, seconds=PLAN_SECONDS)
    done = await request.app[OPERATIONS].put(name, body, actor_of(request), strict=strict)
    _count(request, name, "create" if done.created else "replace")
    return _made(done)


@endpoint
@takes_query("strict")
async def put_plan(request: web.Request) -> web.Response:
    """Replaces the seating plan of a sale that nobody has joined."""
    await require_role(request, Role.OPERATOR)
    strict = query_flag(request, "strict")
    plan = await read_bytes(request, limit=PLAN_LIMIT_BYTES, seconds=PLAN_SECONDS)
    if not plan:
        raise invalid("body", "The body must be a seating plan.")
    name = request.match_info["sale"]
    done = await request.app[OPERATIONS].put_plan(
        name, bytes(plan), actor_of(request), strict=strict
    )
    _count(request, name, "plan")
    return json_response({**view(done.sale), "warnings": done.warnings})


@endpoint
@takes_query("limit", "cursor", "deleted")
async def list_sales(request: web.Request) -> web.Response:
    """Lists sales by name, a page at a time; with `deleted=true` those that were deleted."""
    key = await require_role(request, Role.VIEWER, filters=True)
    if query_flag(request, "deleted"):
        return await _list_deleted(request, key.sales)
    query = page_query(request, str)
    after = str(query.after[0]) if query.after else ""
    records = await request.app[LEDGER].sales.page(
        limit=query.limit + 1, after=after, names=key.sales
    )
    shown = records[: query.limit]
    more = (shown[-1].name,) if len(records) > query.limit else None
    items = await asyncio.gather(*(_listed(request, record) for record in shown))
    return json_response(page(items, more))


async def _list_deleted(request: web.Request, names: frozenset[str]) -> web.Response:
    query = page_query(request, str, str)
    after = (str(query.after[0]), str(query.after[1])) if query.after else ("", "")
    records = await request.app[LEDGER].sales.page_deleted(
        limit=query.limit + 1, after=after, names=names
    )
    shown = records[: query.limit]
    more = (shown[-1].name, shown[-1].uid) if len(records) > query.limit else None
    items = [
        {
            **_listed_members(record, _spec_of(record)),
            "state": "deleted",
            "deleted_at": timestamp(record.updated_ms),
        }
        for record in shown
    ]
    return json_response(page(items, more))


@endpoint
async def get_sale(request: web.Request) -> web.Response:
    """The settings and the state of one sale."""
    await require_role(request, Role.VIEWER)
    return json_response(view(await request.app[DIRECTORY].get(request.match_info["sale"])))


@endpoint
async def patch_sale(request: web.Request) -> web.Response:
    """Changes live settings; a field that is fixed by now is refused by name."""
    await require_role(request, Role.OPERATOR)
    changes = await read_members(request)
    name = request.match_info["sale"]
    sale = await request.app[OPERATIONS].patch(name, changes, actor_of(request))
    _count(request, name, "patch")
    return json_response(view(sale))


@endpoint
async def post_beacon(request: web.Request) -> web.Response:
    """Gives the draw its beacon; 409 `not_open` before the lobby is closed, `draw_fixed` after."""
    await require_role(request, Role.OPERATOR)
    body = await read_json(request, BeaconBody)
    if not is_beacon(body.value):
        raise invalid(
            "value", "`value` takes printable characters in NFC, without space around them."
        )
    name = request.match_info["sale"]
    sale = await request.app[OPERATIONS].give_beacon(name, body.value, actor_of(request))
    _count(request, name, "beacon")
    return json_response(draw_members(sale.room))


@endpoint
async def copy_sale(request: web.Request) -> web.Response:
    """201 with a new sale like this one; 409 `name_taken`."""
    key = await require_role(request, Role.OPERATOR)
    changes = await read_members(request)
    to = _new_name(changes.pop("to", None), "to")
    if key.sales and to not in key.sales:
        raise HoldfastError(ErrorCode.FORBIDDEN, "The key is for other sales than this copy.")
    name = request.match_info["sale"]
    done = await request.app[OPERATIONS].copy(name, to, changes, actor_of(request))
    return _made(done)


def _made(done: Put) -> web.Response:
    """201 with a new sale, 200 with one that replaced another."""
    return json_response(
        {**view(done.sale), "warnings": done.warnings},
        status=201 if done.created else 200,
        headers={"Location": sale_path(done.sale.name)},
    )


@endpoint
@takes_query("orders")
async def delete_sale(request: web.Request) -> web.Response:
    """Deletes a closed sale, whose orders stay readable by its uid; 409 `orders_kept` unless
    `orders` is how many it has.
    """
    await require_role(request, Role.OPERATOR)
    name, orders = request.match_info["sale"], query_number(request, "orders")
    await request.app[OPERATIONS].delete(name, actor_of(request), orders_kept=orders)
    request.app[METRICS].remove_sale(name)
    return web.Response(status=204)


def _lifecycle(operation: str) -> Handler:
    @endpoint
    async def change(request: web.Request) -> web.Response:
        await require_role(request, Role.OPERATOR)
        name = request.match_info["sale"]
        sale = await request.app[OPERATIONS].change_lifecycle(name, operation, actor_of(request))
        _count(request, name, operation)
        return json_response(view(sale))

    return change


def _count(request: web.Request, name: str, action: str) -> None:
    """Counts a change that was accepted."""
    request.app[METRICS].operator_changes.add(name, action)


def _new_name(text: object, field: str) -> str:
    if not isinstance(text, str) or not SALE_NAME.fullmatch(text):
        raise invalid(field, "A sale's name is 1 to 63 of a-z, 0-9 and -, not beginning with -.")
    return text


def view(sale: Sale) -> dict[str, object]:
    """The JSON of a sale for its operator: settings, state and counts."""
    status = sale.room.document
    line = status.line
    return {
        "sale": sale.name,
        "uid": sale.uid,
        "state": status.state.value,
        "lifecycle": line.lifecycle,
        "plan_version": sale.inventory.plan.version,
        "counts": {"free": line.free, "held": line.held, "sold": line.booked},
        "settings_version": sale.record.settings_version,
        **msgspec.to_builtins(sale.spec),
    }


async def _listed(request: web.Request, record: SaleRecord) -> dict[str, object]:
    """An item of the list; of a sale whose state cannot be read, what the ledger has."""
    spec, line, newest = _spec_of(record), None, None
    state, now_ms = record.lifecycle, 0
    try:
        async with asyncio.timeout(LISTED_SECONDS):
            (line, now_ms), newest = await asyncio.gather(
                request.app[DIRECTORY].status(record),
                HistoryCalls(request.app[EXECUTOR]).newest(record.uid),
            )
        state = sale_state(line, now_ms).value
    except Exception as fault:
        logger.info("sale %s is listed as the ledger has it: %r", record.name, fault)
    figures = headline_figures(spec, line, now_ms, newest)
    return {**_listed_members(record, spec), "state": state, **figures}


def _listed_members(record: SaleRecord, spec: SaleSpec | None) -> dict[str, object]:
    """What every list has of a sale; its own name where the settings cannot be read."""
    name = record.name if spec is None else spec.name
    return {"sale": record.name, "uid": record.uid, "name": name, "test": record.test}


def _spec_of(record: SaleRecord) -> SaleSpec | None:
    """The settings in a record, None when they cannot be read."""
    with contextlib.suppress(msgspec.MsgspecError):
        return spec_from_json(record.spec)
    return None
