"""The routes of the console. All of them belong to the role `operator`."""

from functools import wraps
from typing import Final

from aiohttp import hdrs, web

from holdfast_console.http.documents import ASSETS, frame_values, page_response
from holdfast_console.http.provider_sign_in import CALLBACK, TO_PROVIDER, callback, to_provider
from holdfast_console.http.screens import act, fault_page, show
from holdfast_console.http.services import CONSOLE, ConsoleServices, texts_of
from holdfast_console.http.sign_in import SIGN_IN, SIGN_OUT, show_sign_in, sign_in, sign_out
from holdfast_console.identity_provider import IdentityProvider
from holdfast_console.screen import ROOT, ConsolePage
from holdfast_console.sessions import SessionCodec
from holdfast_web.endpoint import Handler, endpoint
from holdfast_web.keyring import Keyring
from holdfast_web.request.negotiation import takes
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

BY_API: Final = "what it changes it changes by the API, whose routes are audited"


def add_routes(
    app: web.Application, keyring: Keyring, provider: IdentityProvider | None = None
) -> None:
    """Adds the console; `keyring` seals its sessions, which `provider` may begin, too."""
    app[CONSOLE] = ConsoleServices(SessionCodec(keyring), provider=provider)
    routes = RoleRoutes(app, ServiceRole.OPERATOR)
    routes.get("/", _page(_landing))
    routes.get(ASSETS.pattern, ASSETS.serve)
    routes.get(SIGN_IN, _page(show_sign_in))
    routes.add("POST", SIGN_IN, _page(sign_in), unaudited=BY_API)
    routes.add("POST", SIGN_OUT, _page(sign_out), unaudited=BY_API)
    routes.get(TO_PROVIDER, _page(to_provider))
    routes.get(CALLBACK, _page(callback))
    routes.get(ROOT, _page(show))
    routes.get(ROOT + "/{path:.+}", _page(show))
    routes.add("POST", ROOT, _page(act), unaudited=BY_API)
    routes.add("POST", ROOT + "/{path:.+}", _page(act), unaudited=BY_API)


def _page(handler: Handler) -> Handler:
    """An endpoint whose errors are pages for browsers, problem documents for programs."""

    @endpoint
    @wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as fault:  # to_error logs faults, not refusals
            if not takes(request.headers.get(hdrs.ACCEPT, ""), "text/html"):
                raise
            return fault_page(request, fault)

    return answered


async def _landing(request: web.Request) -> web.StreamResponse:
    """What this address is, for whoever comes here by hand."""
    texts = texts_of(request)
    return page_response(ConsolePage("landing.html", {}), frame_values(texts, "/"))
