"""Every parameter of every route, with what does not belong there: never a fault of the service.

One thing of a good request is changed at a time: a part of the path, a query parameter, a header,
a member of the body. The choice follows from the route's name, so a run repeats itself; the three
databases try different values.
"""

from __future__ import annotations

import logging
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.fuzz.targets import OPERATOR_KEY, TARGETS, Example, FuzzedService, S, Target
from support.fuzz.values import (
    BODIES,
    HEADERS,
    PATHS,
    QUERIES,
    Place,
    encoded,
    essential,
    fitting,
    holes,
    planted,
)
from support.fuzz.wire import Reply, Wire
from support.parts import Part

from holdfast.config import Config
from holdfast.http.app import create_app
from holdfast_ledger import Ledger
from holdfast_web.errors import ErrorCode
from holdfast_web.request import body, text
from holdfast_web.request.taken_query import taken_query

DATABASES: Final = ("sqlite", "postgres", "mariadb")
VALUES_OF_A_MEMBER: Final = 6
VALUES_OF_A_HEADER: Final = 2
VALUES_OF_A_PATH: Final = 6
HEADER_NAMES: Final = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Cookie",
    "Holdfast-Ticket",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Range",
    "Sec-Fetch-Site",
    "X-Forwarded-For",
    "X-Request-Id",
)
READ_BY_HAND: Final = {("PATCH", S), ("PUT", S + "/plan"), ("POST", S + "/copy")}
"""Their bodies are not read by a struct alone."""

CONFIG: Final = Config(
    public_url="http://127.0.0.1:8080",
    store_url="redis://127.0.0.1",
    ledger_url="sqlite://",
    secret="secret-" * 8,
    operator_key=OPERATOR_KEY,
)
"""of an application that is never started"""
CODES: Final = {code.value: code.status for code in ErrorCode}
Route = tuple[str, str]
T = TypeVar("T")


@dataclass(frozen=True)
class Try:
    """What is changed of a good request: one thing."""

    what: str
    path: tuple[str, bytes] | None = None
    query: bytes | None = None
    header: tuple[str, bytes] | None = None
    second: tuple[str, bytes] | None = None
    member: tuple[Place, Any] | None = None
    content: bytes | None = None

    @property
    def changes_body(self) -> bool:
        """Whether it tries a body: then what the good one does must still be there to be done."""
        return self.member is not None or self.content is not None

    def target(self, pattern: str, example: Example) -> bytes:
        """Path and query as they go over the wire."""
        parts = {name: part.encode() for name, part in example.path.items()}
        parts |= dict([self.path] if self.path else [])
        address = pattern.encode()
        for name, part in parts.items():
            address = address.replace(b"{%b}" % name.encode(), part)
        good = (b"%b=%b" % (name.encode(), text) for name, text in example.queries.items())
        query = b"&".join(good) if self.query is None else self.query
        return address + b"?" + query if query else address

    def headers(self, example: Example) -> list[tuple[bytes, bytes]]:
        """Those of the good request, but for the one that is tried, and a second one behind."""
        tried = dict([self.header] if self.header else [])
        both = {**{name: text.encode() for name, text in example.headers.items()}, **tried}
        sent = [*both.items(), *([self.second] if self.second else [])]
        return [(name.encode(), text) for name, text in sent]

    def body(self, example: Example) -> bytes | None:
        """The bytes of the body; None for none."""
        if self.content is not None:
            return self.content
        if self.member is not None:
            return encoded(planted(example.body, *self.member))
        return example.body if isinstance(example.body, bytes | None) else encoded(example.body)


GOOD: Final = Try("nothing")


@dataclass(frozen=True)
class Chosen:
    """What is tried of all there is."""

    random: random.Random
    part: Part

    def of(self, attempts: Iterator[Try]) -> Iterator[Try]:
        """The good request, and this part of the others."""
        for index, attempt in enumerate(attempts):
            if attempt is GOOD or self.part.takes(index):
                yield attempt


@pytest.fixture(params=DATABASES)
def ledger_url(request: pytest.FixtureRequest, ledger_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{ledger_path}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


class ParametersRead:
    """Which structs and query parameters the handlers have read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes: dict[Route | None, set[object]] = defaultdict(set)
        self.queries: dict[Route | None, set[str]] = defaultdict(set)
        self.route: Route | None = None
        read_json, query_text = body.read_json, text.query_text

        async def reading(request: web.Request, shape: Any, **more: Any) -> Any:
            self.shapes[self.route].add(shape)
            return await read_json(request, shape, **more)

        def querying(request: web.Request, name: str, **more: Any) -> str | None:
            self.queries[self.route].add(name)
            return query_text(request, name, **more)

        for module in [m for name, m in sys.modules.items() if name.startswith("holdfast")]:
            for name, spy in (("read_json", reading), ("query_text", querying)):
                if getattr(module, name, None) in (read_json, query_text):
                    monkeypatch.setattr(module, name, spy)


@pytest.fixture
def parameters(monkeypatch: pytest.MonkeyPatch) -> ParametersRead:
    return ParametersRead(monkeypatch)


@pytest.fixture
async def service(
    parameters: ParametersRead, ledger_url: str, store_url: str, tmp_path: Path
) -> AsyncIterator[FuzzedService]:
    """The whole service in this process, and the sales that it is asked about."""
    config = Config(
        data_dir=tmp_path,
        public_url="http://127.0.0.1:8080",
        store_url=store_url,
        ledger_url=ledger_url,
        secret="secret-" * 8,
        operator_key=OPERATOR_KEY,
        trusted_proxies=("127.0.0.0/8",),
        # There are many sales before it is over, and nothing of this is about what moves them on.
        tick_ms=10_000,
        checkpoint_ms=60_000,
        sweep_ms=60_000,
        recovery_ms=60_000,
    )
    ledger = await Ledger.open(ledger_url)
    await ledger.migrate()
    await ledger.close()
    async with TestServer(create_app(config), host="127.0.0.1") as server:
        assert server.port is not None
        with closing(Wire(server.port)) as wire:
            service = FuzzedService(wire)
            await service.set_up()
            yield service


def routes() -> set[Route]:
    return {
        (route.method, route.resource.canonical)
        for route in create_app(CONFIG).router.routes()
        if route.resource is not None and route.method not in {"HEAD", "OPTIONS", "*"}
    }


def test_no_route_is_forgotten() -> None:
    assert set(TARGETS) == routes()


def test_routes_take_the_query_parameters_that_are_fuzzed() -> None:
    differing = {}
    for route in create_app(CONFIG).router.routes():
        handler = getattr(route.handler, "__wrapped__", None)
        pattern = "" if route.resource is None else route.resource.canonical
        target = TARGETS.get((route.method, pattern))
        if target is None or handler is None or not pattern.startswith("/v1/"):
            continue
        if (taken := taken_query(handler)) != frozenset(target.queries):
            differing[route.method, pattern] = (taken, target.queries)
    assert differing == {}


async def test_query_parameter_that_a_route_does_not_take_is_refused_by_name() -> None:
    """Before anything is looked up: the application has neither store nor ledger here."""
    app = create_app(CONFIG)
    app.cleanup_ctx.clear()
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port is not None
        with closing(Wire(server.port)) as wire:
            for method, pattern in TARGETS:
                if pattern.startswith("/v1/"):
                    path = pattern.format(sale="night", id="1", scene="waiting")
                    reply = await wire.send(method, path.encode() + b"?limits=1", [], b"{}")
                    problem = msgspec.json.decode(reply.body)
                    assert (reply.status, problem["code"], problem["field"]) == (
                        400,
                        "invalid_request",
                        "limits",
                    ), pattern


def test_every_text_and_number_of_a_body_has_bounds() -> None:
    """Whatever a field holds fits into 64 bits, and no text is as long as it likes."""
    unbounded = [
        (shape.__name__, at)
        for shape in {target.shape for target in TARGETS.values() if target.shape}
        for at, kind in holes(msgspec.inspect.type_info(shape))
        if (isinstance(kind, msgspec.inspect.IntType) and (kind.ge is None or kind.le is None))
        or (
            isinstance(kind, msgspec.inspect.StrType)
            and kind.max_length is None
            and kind.pattern is None
        )
    ]
    assert unbounded == []


@pytest.mark.parametrize("shares", [2, pytest.param(0, marks=pytest.mark.torture)])
async def test_nothing_that_is_sent_is_a_fault_of_the_service(
    request: pytest.FixtureRequest,
    service: FuzzedService,
    parameters: ParametersRead,
    shares: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each database has the first of so many shares of its part of what is tried, or all of it."""
    caplog.set_level(logging.ERROR)
    database = request.node.callspec.params["ledger_url"]
    part = Part(1, 1)
    if shares:
        part = Part(shares * DATABASES.index(database) + 1, shares * len(DATABASES))
    faults: list[str] = []
    for route, target in TARGETS.items():
        chosen = Chosen(random.Random(f"{database} {route}"), part)
        faults += await _fuzz(service, parameters, route, target, chosen)
        faults += await _fuzz_beside(service, route, target, chosen)
    assert faults == []
    logged = [r.getMessage() for r in caplog.records if r.name.startswith("holdfast")]
    assert logged == []
    for route, target in TARGETS.items():
        if route[1].startswith("/console"):
            continue  # it reads what the routes of the API read that it calls
        shape = set() if target.shape is None or route in READ_BY_HAND else {target.shape}
        assert parameters.shapes.get(route, set()) == shape, route
        assert parameters.queries.get(route, set()) <= set(target.queries), route
    await service.order()


async def _fuzz(
    service: FuzzedService, parameters: ParametersRead, route: Route, target: Target, chosen: Chosen
) -> list[str]:
    """What went wrong with this route."""
    faults = []
    method, pattern = route
    example, spent = await target.make(service), False
    for attempt in chosen.of(tries(example, target, chosen.random)):
        if spent and attempt.changes_body:
            example, spent = await target.make(service), False
        parameters.route = route
        address, content = attempt.target(pattern, example), attempt.body(example)
        reply = await service.wire.send(method, address, attempt.headers(example), content)
        fault = _fault(reply, target.good if attempt is GOOD else None)
        if fault:
            faults.append(f"{method} {address[:200]!r} {attempt.what}: {fault}")
        parameters.route = None
        spent = target.once and (spent or reply.status < 300)
    return faults


async def _fuzz_beside(
    service: FuzzedService, route: Route, target: Target, chosen: Chosen
) -> list[str]:
    """The methods that come with a route, HEAD and the preflight, at every address of it."""
    example = await target.make(service)
    origin = [(b"Origin", b"https://shop.example")]
    addresses = [Try("path", path=(name, value)) for name in example.path for value in PATHS]
    attempts = list(chosen.of(iter((GOOD, *addresses))))
    faults = []
    for method in ("OPTIONS", *(["HEAD"] if route[0] == "GET" else [])):
        for attempt in attempts:
            address = attempt.target(route[1], example)
            reply = await service.wire.send(method, address, origin, None)
            if reply.status >= 500:
                faults.append(f"{method} {address[:200]!r}: {reply.status}")
    return faults


def tries(example: Example, target: Target, choose: random.Random) -> Iterator[Try]:
    """The good request first, then all that is tried instead."""
    yield GOOD
    for name in example.path:
        for value in (*PATHS[:2], *_some(PATHS[2:], VALUES_OF_A_PATH, choose)):
            yield Try(f"path {name}", path=(name, value))
    for query in (b"%", b"%00=%00", b"&&=&", b"=x", b"\xff=\xff", b"a" * 3_000):
        yield Try("query", query=query)
    for name in target.queries:
        word = name.encode()
        yield Try(f"{name} twice", query=b"%b=1&%b=1" % (word, word))
        for value in QUERIES:
            yield Try(f"query {name}", query=b"%b=%b" % (word, value))
    for name in HEADER_NAMES:
        yield Try(f"header {name} twice", header=(name, b"a"), second=(name, b"b"))
        for value in _some(HEADERS, VALUES_OF_A_HEADER, choose):
            yield Try(f"header {name} {value[:40]!r}", header=(name, value))
    if target.shape is not None or example.body is not None:
        for content in BODIES:
            yield Try(f"body {content[:40]!r}", content=content)
    if target.shape is not None:
        for at, kind in holes(msgspec.inspect.type_info(target.shape)):
            for value in [*essential(kind), *_some(fitting(kind), VALUES_OF_A_MEMBER, choose)]:
                yield Try(f"member {at} {str(value)[:60]!a}", member=(at, value))


def _some(values: Sequence[T], count: int, choose: random.Random) -> list[T]:
    return choose.sample(values, min(count, len(values)))


def _fault(reply: Reply, good: tuple[int, ...] | None) -> str:
    """Why this answer is a fault of the service; empty when it is none."""
    if good is not None and reply.status not in good:
        return f"the good request was answered {reply.status} {reply.body[:300]!r}"
    if reply.status >= 500:
        return f"{reply.status} {reply.body[:300]!r}"
    if reply.headers.get(b"content-type", b"").startswith(b"application/problem+json"):
        problem = msgspec.json.decode(reply.body)
        if CODES.get(problem["code"]) != reply.status:
            return f"{reply.status} with the code {problem['code']}"
    return ""
