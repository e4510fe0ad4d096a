"""The gate in front of an aiohttp application.

    setup(app, Settings(...))

Handlers get the visitor's `Session` with `session_of(request)`. `setup` is called before the
application starts; it adds a middleware in front of the others, and a signal that carries out the
shop's command to end a session, in any kind of response. Needs aiohttp >= 3.14.
"""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from holdfast_connector.contract import COMMAND_HEADER, REVOKE
from holdfast_connector.gate import Admit, Answer, Gate
from holdfast_connector.settings import Settings
from holdfast_connector.tokens.sessions import Session
from holdfast_connector.visits import Visit

GATE: Final = web.AppKey("holdfast_gate", Gate)
_SESSION: Final[web.RequestKey[Session | None]] = web.RequestKey("holdfast_session")


def setup(app: web.Application, settings: Settings | Gate) -> Gate:
    """Puts the gate in front of `app`."""
    gate = settings if isinstance(settings, Gate) else Gate(settings)
    app[GATE] = gate

    @web.middleware
    async def waiting_room(request: web.Request, handler: Handler) -> web.StreamResponse:
        decision = await gate.decide_async(_visit(request))
        if isinstance(decision, Admit):
            request[_SESSION] = decision.session
            return await handler(request)
        return _response(decision)

    async def run_command(request: web.Request, response: web.StreamResponse) -> None:
        if response.headers.get(COMMAND_HEADER, "").strip() == REVOKE:
            del response.headers[COMMAND_HEADER]
            response.headers.add("Set-Cookie", gate.revoke(session_of(request)))

    app.middlewares.insert(0, waiting_room)
    app.on_response_prepare.append(run_command)
    return gate


def session_of(request: web.Request) -> Session | None:
    """The visitor's session; None for one who was admitted without: a public path, an open gate."""
    return request.get(_SESSION)


def _visit(request: web.Request) -> Visit:
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers["cookie"] = "; ".join(request.headers.getall("Cookie", []))
    return Visit(request.method, request.path, request.raw_path, headers)


def _response(answer: Answer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body)
    response.headers.update((n, v) for n, v in answer.headers if n != "Content-Length")
    return response
