"""The routes of the audit: who changed what, the newest first."""

from typing import Final

import msgspec
from aiohttp import web

from holdfast.http.app_keys import DIRECTORY, LEDGER
from holdfast.sales.directory import SALE_NAME
from holdfast_ledger import AuditRecord
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.paths import SALE
from holdfast_web.request.pagination import page, page_query
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_text
from holdfast_web.responses import json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole
from holdfast_web.timestamps import timestamp

AUDIT: Final = "/v1/audit"


def add_routes(app: web.Application) -> None:
    """Adds the routes."""
    operator = RoleRoutes(app, ServiceRole.OPERATOR)
    operator.get(AUDIT, list_entries)
    operator.get(SALE + "/audit", list_sale_entries)


@endpoint
@takes_query("actor", "action", "limit", "cursor")
async def list_entries(request: web.Request) -> web.Response:
    """The entries of all sales that the key is for; with a key for all, those of no sale too."""
    key = await require_role(request, Role.VIEWER, filters=True)
    return await _entries(request, key.sales or None)


@endpoint
@takes_query("actor", "action", "limit", "cursor")
async def list_sale_entries(request: web.Request) -> web.Response:
    """The entries of all sales that ever had this name."""
    await require_role(request, Role.VIEWER)
    name = request.match_info["sale"]
    if SALE_NAME.fullmatch(name) is None:
        raise HoldfastError(ErrorCode.UNKNOWN_SALE)
    return await _entries(request, frozenset({name}))


async def _entries(request: web.Request, sales: frozenset[str] | None) -> web.Response:
    query = page_query(request, int)
    records = await request.app[LEDGER].audit.page(
        sales=sales,
        actor=query_text(request, "actor"),
        action=query_text(request, "action"),
        limit=query.limit + 1,
        before=int(query.after[0]) if query.after else None,
    )
    name = request.match_info.get("sale")
    if name is not None and not records:
        await request.app[DIRECTORY].get(name)  # raises UNKNOWN_SALE for one that never was
    shown = records[: query.limit]
    more = (shown[-1].id,) if len(records) > query.limit else None
    return json_response(page([entry_members(record) for record in shown], more))


def entry_members(record: AuditRecord) -> dict[str, object]:
    """An audit entry as the API shows it."""
    entry = record.entry
    return {
        "id": record.id,
        "time": timestamp(record.at_ms),
        "actor": entry.actor,
        "actor_name": record.actor_name,
        "action": entry.action,
        "sale": record.sale,
        "address": entry.address,
        "request_id": entry.request_id,
        "before": None if entry.before is None else msgspec.Raw(entry.before),
        "after": None if entry.after is None else msgspec.Raw(entry.after),
        "detail": msgspec.Raw(entry.detail),
    }
