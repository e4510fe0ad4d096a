"""The gate as WSGI middleware, for Flask, Django, Pyramid and others.

    app.wsgi_app = WaitingRoom(app.wsgi_app, Settings(...))

The shop gets the visitor's `Session` (or None) in `environ["holdfast.session"]`. A hand-off is
verified and exchanged in the request's own thread.
"""

from collections.abc import Iterable
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from holdfast_connector.contract import COMMAND_HEADER, REVOKE
from holdfast_connector.gate import Admit, Answer, Gate
from holdfast_connector.settings import Settings
from holdfast_connector.tokens.sessions import Session
from holdfast_connector.visits import Visit

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SESSION_KEY: Final = "holdfast.session"
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class WaitingRoom:
    """A WSGI application behind the gate."""

    def __init__(self, app: "WSGIApplication", settings: Settings | Gate) -> None:
        self._app = app
        self._gate = settings if isinstance(settings, Gate) else Gate(settings)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        visit = visit_of(environ)
        decision = self._gate.decide(visit)
        if isinstance(decision, Admit):
            environ[SESSION_KEY] = decision.session
            return self._app(environ, self._listening(start_response, decision.session))
        return respond(decision, start_response, with_body=visit.method != "HEAD")

    def _listening(
        self, start_response: "StartResponse", session: Session | None
    ) -> "StartResponse":
        """Wraps `start_response` so that the shop's command to end the session is carried out."""

        def listen(
            status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /
        ) -> "Callable[[bytes], object]":
            if _commands(headers):
                cleared = self._gate.revoke(session)
                kept = [pair for pair in headers if pair[0].lower() != COMMAND_HEADER.lower()]
                headers = [*kept, ("Set-Cookie", cleared)]
            return start_response(status, headers, exc_info)

        return listen


def visit_of(environ: "WSGIEnvironment") -> Visit:
    """The request in a WSGI environment."""
    # PEP 3333: the path's bytes, decoded as latin-1.
    raw = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}".encode("latin-1")
    query = str(environ.get("QUERY_STRING", ""))
    target = quote(raw) + (f"?{query}" if query else "")
    path = raw.decode("utf-8", "replace")
    return Visit(str(environ["REQUEST_METHOD"]), path, target, headers_of(environ))


def headers_of(environ: "WSGIEnvironment") -> dict[str, str]:
    """The request's headers by lower-case name."""
    sent: dict[str, Any] = {key: value for key, value in environ.items() if key[:5] == "HTTP_"}
    return {key[5:].replace("_", "-").lower(): str(value) for key, value in sent.items()}


def respond(
    answer: Answer, start_response: "StartResponse", *, with_body: bool = True
) -> list[bytes]:
    """Starts the response of an `answer` and returns its body."""
    status = HTTPStatus(answer.status)
    start_response(f"{status.value} {status.phrase}", list(answer.headers))
    return [answer.body] if with_body else []


def _commands(headers: Iterable[tuple[str, str]]) -> bool:
    wanted = COMMAND_HEADER.lower()
    return any(name.lower() == wanted and value.strip() == REVOKE for name, value in headers)
