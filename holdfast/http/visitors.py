"""The routes by which an operator, or a shop's support, finds a visitor and ends their session.

What is asked for comes in the body: tickets and passes are secrets, and identities may be names.
"""

from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web

from holdfast.http.app_keys import DIRECTORY, LEDGER
from holdfast.sales.sale import Sale
from holdfast.sales.visitors import revoke_pass, visitor_members
from holdfast_connector.contract import MAX_TOKEN_CHARS as MAX_PASS_CHARS
from holdfast_lua.calls.line import MAX_NUMBER
from holdfast_queue.line.visitors.visitor_lookup import KnownVisitor
from holdfast_queue.tokens.identities import MAX_SUBJECT_CHARS
from holdfast_queue.tokens.tickets import MAX_TOKEN_CHARS as MAX_TICKET_CHARS
from holdfast_web.credentials import PASS_VERIFIER, Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.paths import SALE
from holdfast_web.request.acting import actor_of
from holdfast_web.request.body import read_json
from holdfast_web.request.pagination import page, page_limit
from holdfast_web.request.taken_query import takes_query
from holdfast_web.responses import json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

MAX_PASS_ID_CHARS: Final = 64
PassId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PASS_ID_CHARS)]


class VisitorQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../visitors/find`: one of these names the visitor."""

    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)] | None = None
    ticket: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TICKET_CHARS)] | None = None
    pass_: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PASS_CHARS)] | None = (
        msgspec.field(default=None, name="pass")
    )
    pass_id: PassId | None = None
    identity: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SUBJECT_CHARS)] | None = None


class RevokeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../visitors/revoke`: whose session ends, and what becomes of its unpaid holds."""

    pass_id: PassId
    holds: Literal["keep", "release"] = "keep"


def add_routes(app: web.Application) -> None:
    """Adds the routes."""
    shop, operator = RoleRoutes(app, ServiceRole.SHOP), RoleRoutes(app, ServiceRole.OPERATOR)
    shop.add("POST", SALE + "/visitors/find", find_visitor, unaudited="it only reads")
    operator.add("POST", SALE + "/visitors/revoke", revoke_visitor, audits="visitor.revoke")
    operator.get(SALE + "/addresses", list_addresses)


@endpoint
async def find_visitor(request: web.Request) -> web.Response:
    """A visitor by number, ticket, pass, pass id or identity; 404 `unknown_visitor`."""
    await require_role(request, Role.PLATFORM)
    query = await read_json(request, VisitorQuery)
    sale = await request.app[DIRECTORY].get(request.match_info["sale"])
    known = await _known(request, sale, query)
    if known is None:
        raise HoldfastError(ErrorCode.UNKNOWN_VISITOR)
    members = await visitor_members(sale, known)
    return json_response(members, headers={"Cache-Control": "no-store"})


@endpoint
async def revoke_visitor(request: web.Request) -> web.Response:
    """Ends the session of a pass, which then begins no hold and is not renewed."""
    await require_role(request, Role.OPERATOR)
    body = await read_json(request, RevokeBody)
    sale = await request.app[DIRECTORY].get(request.match_info["sale"])
    done = await revoke_pass(sale, body.pass_id, release=body.holds == "release")
    members = {"ended": done.ended, "released": done.released, "kept": done.kept}
    entry = actor_of(request).entry(
        "visitor.revoke", detail={"pass_id": body.pass_id}, after=members
    )
    await request.app[LEDGER].audit.append(entry, sale=sale.name)
    return json_response({"pass_id": body.pass_id, **members})


@endpoint
@takes_query("limit")
async def list_addresses(request: web.Request) -> web.Response:
    """The client addresses that join unusually often; there is one page of them."""
    await require_role(request, Role.OPERATOR)
    limit = page_limit(request)
    sale = await request.app[DIRECTORY].get(request.match_info["sale"])
    return json_response(page(await sale.room.addresses(limit), None))


async def _known(request: web.Request, sale: Sale, query: VisitorQuery) -> KnownVisitor | None:
    """The visitor that the given member names; None when it names nobody of this sale."""
    given = [name for name in query.__struct_fields__ if getattr(query, name) is not None]
    if len(given) != 1:
        raise invalid(
            given[1].rstrip("_") if given else "number",
            "Give one of `number`, `ticket`, `pass`, `pass_id` and `identity`.",
        )
    room = sale.room
    if query.number is not None:
        return KnownVisitor(query.number)
    if query.pass_id is not None:
        return KnownVisitor(pass_id=query.pass_id)
    if query.pass_ is not None:
        claims = request.app[PASS_VERIFIER](query.pass_, sale.name, sale.uid)
        return (
            None if claims is None else KnownVisitor(pass_id=claims.pass_id, buyer=claims.subject)
        )
    if query.identity is not None:
        ticket = await room.ticket_of(query.identity)
    else:
        ticket = room.read_ticket(query.ticket or "")
    return None if ticket is None else room.visitors.by_ticket(ticket)
