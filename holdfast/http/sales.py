"""The routes of `/v1/sales`, by which an operator creates, reads, changes and ends sales.

Handlers only translate between HTTP and operations.py. Reading needs the role viewer, changing the
role operator.
"""

import asyncio
import logging
from typing import Annotated, Final

import msgspec
from aiohttp import web

from holdfast.http.app_keys import DIRECTORY, LEDGER, OPERATIONS
from holdfast.sales.directory import SALE_NAME
from holdfast.sales.operations import LIFECYCLE_OPERATIONS
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleBody, spec_from_json
from holdfast_ledger import SaleRecord
from holdfast_queue.draw.commitment import MAX_BEACON_CHARS, is_beacon
from holdfast_queue.http.responses import draw_members
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import Handler, endpoint
from holdfast_web.errors import invalid
from holdfast_web.paths import SALE, SALES, sale_path
from holdfast_web.request.body import (
    PLAN_LIMIT_BYTES,
    PLAN_SECONDS,
    read_bytes,
    read_json,
    read_members,
)
from holdfast_web.request.pagination import page, page_query
from holdfast_web.request.text import query_flag
from holdfast_web.responses import json_response

LISTED_SECONDS: Final = 2.0
"""how long a list waits for one sale's state"""

logger = logging.getLogger(__name__)


class BeaconBody(msgspec.Struct, forbid_unknown_fields=True):
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BEACON_CHARS)]


def add_routes(app: web.Application) -> None:
    """Adds the routes."""
    router = app.router
    router.add_get(SALES, list_sales)
    router.add_get(SALE, get_sale)
    router.add_put(SALE, put_sale)
    router.add_patch(SALE, patch_sale)
    router.add_delete(SALE, delete_sale)
    router.add_put(SALE + "/plan", put_plan)
    router.add_post(SALE + "/draw/beacon", post_beacon)
    for operation in LIFECYCLE_OPERATIONS:
        router.add_post(f"{SALE}/{operation}", _lifecycle(operation))


@endpoint
async def put_sale(request: web.Request) -> web.Response:
    """201 with a new sale, 200 with one that replaced another, 409 `sale_started`."""
    key = await require_role(request, Role.OPERATOR)
    name = request.match_info["sale"]
    if not SALE_NAME.fullmatch(name):
        raise invalid("sale", "A sale's name is 1 to 63 of a-z, 0-9 and -, not beginning with -.")
    strict = query_flag(request, "strict")
    body = await read_json(request, SaleBody, limit=PLAN_LIMIT_BYTES, seconds=PLAN_SECONDS)
    done = await request.app[OPERATIONS].put(name, body, key.id, strict=strict)
    return json_response(
        {**view(done.sale), "warnings": done.warnings},
        status=201 if done.created else 200,
        headers={"Location": sale_path(name)},
    )


@endpoint
async def put_plan(request: web.Request) -> web.Response:
    """Replaces the seating plan of a sale that nobody has joined."""
    key = await require_role(request, Role.OPERATOR)
    strict = query_flag(request, "strict")
    plan = await read_bytes(request, limit=PLAN_LIMIT_BYTES, seconds=PLAN_SECONDS)
    if not plan:
        raise invalid("body", "The body must be a seating plan.")
    name = request.match_info["sale"]
    done = await request.app[OPERATIONS].put_plan(name, bytes(plan), key.id, strict=strict)
    return json_response({**view(done.sale), "warnings": done.warnings})


@endpoint
async def list_sales(request: web.Request) -> web.Response:
    """Lists sales by name, a page at a time."""
    await require_role(request, Role.VIEWER)
    query = page_query(request, str)
    after = str(query.after[0]) if query.after else ""
    records = await request.app[LEDGER].sales.page(limit=query.limit + 1, after=after)
    shown = records[: query.limit]
    more = (shown[-1].name,) if len(records) > query.limit else None
    items = await asyncio.gather(*(_listed(request, record) for record in shown))
    return json_response(page(items, more))


@endpoint
async def get_sale(request: web.Request) -> web.Response:
    """The settings and the state of one sale."""
    await require_role(request, Role.VIEWER)
    return json_response(view(await request.app[DIRECTORY].get(request.match_info["sale"])))


@endpoint
async def patch_sale(request: web.Request) -> web.Response:
    """Changes live settings; a field that is fixed by now is refused by name."""
    key = await require_role(request, Role.OPERATOR)
    changes = await read_members(request)
    name = request.match_info["sale"]
    return json_response(view(await request.app[OPERATIONS].patch(name, changes, key.id)))


@endpoint
async def post_beacon(request: web.Request) -> web.Response:
    """Gives the draw its beacon; 409 `not_open` before the lobby is closed, `draw_fixed` after."""
    key = await require_role(request, Role.OPERATOR)
    body = await read_json(request, BeaconBody)
    if not is_beacon(body.value):
        raise invalid(
            "value", "`value` takes printable characters in NFC, without space around them."
        )
    name = request.match_info["sale"]
    sale = await request.app[OPERATIONS].give_beacon(name, body.value, key.id)
    return json_response(draw_members(sale.room))


@endpoint
async def delete_sale(request: web.Request) -> web.Response:
    """Deletes a closed sale; its orders stay in the ledger."""
    key = await require_role(request, Role.OPERATOR)
    await request.app[OPERATIONS].delete(request.match_info["sale"], key.id)
    return web.Response(status=204)


def _lifecycle(operation: str) -> Handler:
    @endpoint
    async def change(request: web.Request) -> web.Response:
        key = await require_role(request, Role.OPERATOR)
        name = request.match_info["sale"]
        sale = await request.app[OPERATIONS].change_lifecycle(name, operation, key.id)
        return json_response(view(sale))

    return change


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
    try:
        name = spec_from_json(record.spec).name
    except msgspec.MsgspecError:
        name = record.name
    try:
        async with asyncio.timeout(LISTED_SECONDS):
            state = (await request.app[DIRECTORY].state(record)).value
    except Exception as fault:
        logger.info("sale %s is listed as the ledger has it: %r", record.name, fault)
        state = record.lifecycle
    return {"sale": record.name, "uid": record.uid, "name": name, "state": state}
