"""The route of a sale's report: JSON, or a document to print."""

from typing import Final

from aiohttp import hdrs, web

from holdfast.http.app_keys import DIRECTORY, REPORTER
from holdfast_console.report.page import SECURITY_POLICY, html_report
from holdfast_console.texts import DEFAULT_LANGUAGE, LANGUAGES
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import invalid
from holdfast_web.paths import SALE
from holdfast_web.request.negotiation import takes
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_text
from holdfast_web.responses import JSON_TYPE, json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

HTML_TYPE: Final = "text/html"
FORMATS: Final = ("json", "html")
_HEADERS: Final = {
    "Content-Type": f"{HTML_TYPE}; charset=utf-8",
    "Content-Security-Policy": SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def add_routes(app: web.Application) -> None:
    """Adds the route."""
    RoleRoutes(app, ServiceRole.OPERATOR).get(SALE + "/report", get_report)


@endpoint
@takes_query("format", "lang")
async def get_report(request: web.Request) -> web.Response:
    """The report of a sale; `?format=html`, or `Accept`, for the document."""
    await require_role(request, Role.VIEWER)
    wanted, language = _format(request), _language(request)
    sale = await request.app[DIRECTORY].get(request.match_info["sale"])
    report = await request.app[REPORTER].report(sale)
    if wanted == "html":
        return web.Response(body=html_report(report, language).encode(), headers=_HEADERS)
    return json_response(report)


def _format(request: web.Request) -> str:
    wanted = query_text(request, "format")
    if wanted is None:
        accept = request.headers.get(hdrs.ACCEPT, "")
        return "html" if takes(accept, HTML_TYPE, JSON_TYPE) else "json"
    if wanted not in FORMATS:
        raise invalid("format", "format must be json or html.")
    return wanted


def _language(request: web.Request) -> str:
    language = query_text(request, "lang") or DEFAULT_LANGUAGE
    if language not in LANGUAGES:
        raise invalid("lang", f"lang must be one of {', '.join(LANGUAGES)}.")
    return language
