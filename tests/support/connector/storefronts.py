"""Storefronts for tests: real hand-offs and passes, and one shop behind each kind of middleware.

Tokens are made by the service's own signer. A `Shop` is asked in this process, so its origin may be
any text; what it sends to the service goes where its `fetch` says.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from holdfast_connector import aiohttp as aiohttp_gate
from holdfast_connector import asgi, wsgi
from holdfast_connector.contract import COMMAND_HEADER, EDDSA, REVOKE
from holdfast_connector.fetching import FetchFailed, Request, Response
from holdfast_connector.gate import Gate
from holdfast_queue.tokens.handoffs import HandoffIssuer
from holdfast_queue.tokens.passes import Pass, make_pass_issuer
from holdfast_queue.tokens.signer import Signer, jwks, signing_key
from holdfast_web.keyring import Keyring, Purpose

SERVICE: Final = "https://wait.example"
SHOP: Final = "https://shop.example"
SALE: Final = "gala"
NOW: Final = 1_800_000_000
SESSION_SECONDS: Final = 900
COOKIE_SECRET: Final = "c" * 40
SECRET, OTHER_SECRET = "s" * 40, "t" * 40


@dataclass
class Clock:
    """Seconds that a test sets."""

    now: float = float(NOW)

    def __call__(self) -> float:
        return self.now


class TokenIssuer:
    """The signing half of a service."""

    def __init__(
        self,
        *secrets: str,
        issuer: str = SERVICE,
        algorithm: str = EDDSA,
        sale: str = SALE,
        test: bool = False,
    ) -> None:
        ring = Keyring(secrets[0] if secrets else SECRET, secrets[1:])
        self._sale = sale
        self._test = test
        self.passes = make_pass_issuer(issuer, ring, algorithm)
        self.handoffs = Signer(issuer, _keys(ring, Purpose.HANDOFF, algorithm))

    @property
    def jwks(self) -> bytes:
        return json.dumps(jwks((*self.passes.signer.keys, *self.handoffs.keys))).encode()

    def admitted(self, name: str = "one", seconds: int = SESSION_SECONDS) -> Pass:
        ends_ms = (NOW + seconds) * 1000
        return Pass(
            self._sale, "uid1", 1, f"pass-{name}", f"buyer-{name}", ends_ms, test=self._test
        )

    def handoff(self, origin: str = SHOP, *, name: str = "one", now: float = NOW) -> str:
        return HandoffIssuer(self.handoffs).issue(self.admitted(name), origin, int(now * 1000))

    def visitor_pass(self, name: str = "one", *, now: float = NOW) -> str:
        return self.passes.issue(self.admitted(name), int(now * 1000))


def _keys(ring: Keyring, purpose: Purpose, algorithm: str) -> list[Any]:
    return [signing_key(key, algorithm) for key in ring.keys(purpose)]


@dataclass
class Wire:
    """A `fetch` that counts, and answers the key set until it is told to fail."""

    issuer: TokenIssuer
    down: bool = False
    answer: Callable[[Request], Response] | None = None
    seen: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        if self.down:
            raise FetchFailed("down")
        if request.method == "GET":
            return Response(200, self.issuer.jwks)
        assert self.answer is not None, request
        return self.answer(request)


@dataclass(frozen=True)
class ShopAnswer:
    """What a shop answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    @property
    def cookie(self) -> str:
        """The `Cookie` header that a browser would send from now on."""
        return self.one("Set-Cookie").partition(";")[0]

    @property
    def return_url(self) -> str:
        """Where the waiting room is to send the visitor back to."""
        return parse_qs(urlsplit(self.one("Location")).query)["t"][0]


Ask = Callable[..., Awaitable[ShopAnswer]]
"""`await ask(target, method="GET", **headers)`; underscores in header names stand for hyphens."""


def names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


# -- one shop, three ways ----------------------------------------------------------------------
# `/leave` commands the end of the session; everything else says whose session it is.


async def _asgi_shop(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    session = scope[asgi.SESSION_KEY]
    headers = [(b"content-type", b"text/plain")]
    if scope["path"] == "/leave":
        headers.append((COMMAND_HEADER.encode(), REVOKE.encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = (session.subject if session else "nobody").encode()
    await send({"type": "http.response.body", "body": body})


def _wsgi_shop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    session = environ[wsgi.SESSION_KEY]
    headers = [("Content-Type", "text/plain")]
    if environ["PATH_INFO"] == "/leave":
        headers.append((COMMAND_HEADER, REVOKE))
    start_response("200 OK", headers)
    return [(session.subject if session else "nobody").encode()]


async def _aiohttp_shop(request: web.Request) -> web.Response:
    session = aiohttp_gate.session_of(request)
    headers = {COMMAND_HEADER: REVOKE} if request.path == "/leave" else {}
    return web.Response(text=session.subject if session else "nobody", headers=headers)


async def call_asgi(
    app: asgi.ASGIApp, target: str, *, kind: str = "http", method: str = "GET", **headers: str
) -> list[asgi.Message]:
    """The messages that an ASGI application sends for one request."""
    path, _, query = target.partition("?")
    sent: list[asgi.Message] = []
    scope: asgi.Scope = {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in names(headers).items()],
    }

    async def receive() -> asgi.Message:
        return {"type": f"{kind}.connect"}

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def asgi_ask(gate: Gate) -> Ask:
    app = asgi.WaitingRoom(_asgi_shop, gate)

    async def ask(target: str, method: str = "GET", **headers: str) -> ShopAnswer:
        start, *rest = await call_asgi(app, target, method=method, **headers)
        shown = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return ShopAnswer(start["status"], shown, b"".join(part["body"] for part in rest))

    return ask


def wsgi_ask(app: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> Ask:
    def call(target: str, method: str, headers: dict[str, str]) -> ShopAnswer:
        path, _, query = target.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": query,
        }
        environ |= {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in names(headers).items()}
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, shown: list[tuple[str, str]], exc_info: object = None, /
        ) -> Callable[[bytes], object]:
            started.append((status, shown))
            return lambda _: None

        body = b"".join(app(environ, start_response))
        status, shown = started[0]
        return ShopAnswer(int(status.split()[0]), shown, body)

    async def ask(target: str, method: str = "GET", **headers: str) -> ShopAnswer:
        return await asyncio.to_thread(call, target, method, headers)

    return ask


def wsgi_shop_ask(gate: Gate) -> Ask:
    return wsgi_ask(wsgi.WaitingRoom(_wsgi_shop, gate))


async def aiohttp_ask(gate: Gate) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    """Asks over a real connection; the second is to be awaited at the end."""
    app = web.Application()
    aiohttp_gate.setup(app, gate)
    app.router.add_route("*", "/{any:.*}", _aiohttp_shop)
    client = TestClient(TestServer(app))
    await client.start_server()

    async def ask(target: str, method: str = "GET", **headers: str) -> ShopAnswer:
        url = URL(str(client.make_url("/")).rstrip("/") + target, encoded=True)
        async with client.session.request(
            method, url, headers=names(headers), allow_redirects=False
        ) as response:
            return ShopAnswer(
                response.status, list(response.headers.items()), await response.read()
            )

    return ask, client.close
