"""The gate as ASGI middleware, for Starlette, FastAPI, Django, Quart and others.

    app = WaitingRoom(app, Settings(...))

The shop gets the visitor's `Session` (or None) in `scope["holdfast"]`. A WebSocket to a protected
path is closed without a session: it cannot be redirected. Written against the protocol alone, so
no framework has to be installed for it.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from holdfast_connector.contract import COMMAND_HEADER, REVOKE
from holdfast_connector.gate import Admit, Answer, Gate
from holdfast_connector.settings import Settings
from holdfast_connector.tokens.sessions import Session
from holdfast_connector.visits import Visit

SESSION_KEY: Final = "holdfast"
POLICY_VIOLATION: Final = 1008

# ASGI's own types: its mappings hold whatever a message needs.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
_Headers = list[tuple[bytes, bytes]]
_COMMAND: Final = COMMAND_HEADER.lower().encode()


class WaitingRoom:
    """An ASGI application behind the gate."""

    def __init__(self, app: ASGIApp, settings: Settings | Gate) -> None:
        self._app = app
        self._gate = settings if isinstance(settings, Gate) else Gate(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        decision = await self._gate.decide_async(_visit(scope, scope["method"]))
        if isinstance(decision, Admit):
            scope[SESSION_KEY] = decision.session
            await self._app(scope, receive, self._listening(send, decision.session))
        else:
            await _respond(decision, send, with_body=scope["method"] != "HEAD")

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = _visit(scope, "GET")
        if self._gate.admits(visit):
            scope[SESSION_KEY] = self._gate.session_of(visit)
            await self._app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    def _listening(self, send: Send, session: Session | None) -> Send:
        """Wraps `send` so that the shop's command to end the session is carried out."""

        async def listen(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: _Headers = list(message.get("headers", ()))
                if _commands(headers):
                    cleared = self._gate.revoke(session)
                    headers = [pair for pair in headers if pair[0].lower() != _COMMAND]
                    headers.append((b"set-cookie", cleared.encode()))
                    message = {**message, "headers": headers}
            await send(message)

        return listen


def _visit(scope: Scope, method: str) -> Visit:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        # HTTP/2 may send a cookie in several pieces.
        headers[key] = f"{headers[key]}; {text}" if key in headers else text
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or path.encode()
    query: bytes = scope.get("query_string", b"")
    target = raw.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    return Visit(method, path, target, headers)


def _commands(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    wanted = REVOKE.encode()
    return any(name.lower() == _COMMAND and value.strip() == wanted for name, value in headers)


async def _respond(answer: Answer, send: Send, *, with_body: bool) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})
