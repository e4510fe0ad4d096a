"""The page of any scene of a sale, with a made-up place in line: what operators look at.

It needs an API key. A colour and a language may be tried that are not the sale's; nothing is saved.
"""

from dataclasses import replace
from typing import Final

from aiohttp import hdrs, web

from holdfast_connector.origins import origin_of
from holdfast_queue.http.pages.documents import PAGE_HEADERS, PageVisit, security_policy
from holdfast_queue.http.pages.examples import example_document
from holdfast_queue.http.pages.languages import negotiate
from holdfast_queue.http.pages.place import Scene
from holdfast_queue.http.pages.visits import only_shop
from holdfast_queue.http.poll import ROOMS
from holdfast_queue.line.brand import is_colour
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.paths import SALE
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_text
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

PREVIEW: Final = SALE + "/preview/{scene}"
_NO_SHOP: Final = "https://shop.example/"


def add_route(app: web.Application) -> None:
    RoleRoutes(app, ServiceRole.OPERATOR).get(PREVIEW, _preview)


@endpoint
@takes_query("lang", "colour")
async def _preview(request: web.Request) -> web.StreamResponse:
    await require_role(request, Role.VIEWER)
    room = await request.app[ROOMS].get(request.match_info["sale"])
    if request.match_info["scene"] not in set(Scene):
        raise HoldfastError(ErrorCode.NOT_FOUND)
    brand = room.brand
    colour = query_text(request, "colour")
    if colour is not None:
        if not is_colour(colour):
            raise invalid("colour", "colour must be written as #rrggbb in lower case.")
        brand = replace(brand, colour=colour)
    accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    language = negotiate(accepted, query_text(request, "lang"))
    visit = PageVisit(room.name, only_shop(room.settings) or _NO_SHOP, language, brand)
    document = example_document(visit, Scene(request.match_info["scene"]), room.settings.message)
    headers = {
        **PAGE_HEADERS,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.CONTENT_LANGUAGE: language,
        hdrs.CONTENT_SECURITY_POLICY: security_policy(origin_of(visit.return_url)),
    }
    return web.Response(text=document, content_type="text/html", headers=headers)
