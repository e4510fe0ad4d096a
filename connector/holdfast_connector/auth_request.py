"""The gate behind nginx, for shops that are not written in Python.

nginx asks `/auth` about each request (`auth_request`): 204, with the session in headers, admits it,
401 does not. nginx passes a request that is not admitted to `/answer`, which redirects the visitor
to the waiting room, or to the shop with a cookie and without the hand-off. A visitor who is done
posts to `/leave`; nginx cannot act on a shop's `Waiting-Room-Command`.

The WSGI application must be reachable for nginx only: the request that it decides about comes in
`X-Original-URI` and `X-Original-Method`, which anybody could write. `python -m
holdfast_connector` serves it; any WSGI server does.

Invariant: `/auth` changes nothing, so nginx may ask it as often as it likes.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from holdfast_connector.contract import REDIRECT_HEADER
from holdfast_connector.gate import Answer, Gate
from holdfast_connector.settings import Settings
from holdfast_connector.visits import Visit
from holdfast_connector.wsgi import headers_of, respond

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_NO_STORE: Final = ("Cache-Control", "no-store")


class AuthRequest:
    """The WSGI application that nginx asks."""

    def __init__(self, settings: Settings | Gate) -> None:
        self._gate = settings if isinstance(settings, Gate) else Gate(settings)
        self._answers = {"/auth": self._auth, "/answer": self._answer, "/leave": self._leave}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        answer = self._answers.get(str(environ.get("PATH_INFO", "")))
        if answer is None:
            return respond(_bare(404), start_response)
        return respond(answer(_original(environ)), start_response)

    def _auth(self, visit: Visit) -> Answer:
        if visit.handoff is not None or not self._gate.admits(visit):
            return _bare(401, (REDIRECT_HEADER, self._gate.room_url(visit)))
        session = self._gate.session_of(visit)
        if session is None:
            return _bare(204)
        shown = [("Holdfast-Subject", session.subject), ("Holdfast-Pass-Id", session.pass_id)]
        if session.test:
            shown.append(("Holdfast-Test", "true"))
        if session.visitor_pass is not None:
            shown.append(("Holdfast-Pass", session.visitor_pass))
        return _bare(204, *shown)

    def _answer(self, visit: Visit) -> Answer:
        decision = self._gate.decide(visit)
        if isinstance(decision, Answer):
            return decision
        # Admitted between the two requests, or by an open gate: nginx asks once more.
        return _bare(307, ("Location", visit.clean_url(self._gate.settings.shop_url)))

    def _leave(self, visit: Visit) -> Answer:
        if visit.method != "POST":
            return _bare(405, ("Allow", "POST"))
        if not self._is_from_the_shop(visit):
            return _bare(403)
        return _bare(204, ("Set-Cookie", self._gate.revoke(self._gate.session_of(visit))))

    def _is_from_the_shop(self, visit: Visit) -> bool:
        """Another site's page must not end a visitor's session."""
        site = visit.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return visit.headers.get("origin") in (None, self._gate.settings.shop_url)


def _original(environ: "WSGIEnvironment") -> Visit:
    headers = headers_of(environ)
    target = headers.get("x-original-uri", "/")
    method = headers.get("x-original-method", str(environ["REQUEST_METHOD"]))
    return Visit(method, unquote(target.partition("?")[0]), target, headers)


def _bare(status: int, *headers: tuple[str, str]) -> Answer:
    length = () if status == 204 else (("Content-Length", "0"),)
    return Answer(status, (*headers, _NO_STORE, *length))
