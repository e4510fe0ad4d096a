"""One HTTP exchange with a service that speaks the contract.

`Client.call` makes exactly one request and answers whatever status came: a refusal is a result,
since the crowd provokes refusals on purpose. A request without an answer is `Unreachable`; the
caller decides whether a repeat is safe. Credentials are headers of the single call and are kept out
of every `repr`.

The session bounds the time of an answer and the number of connections. Each answer is counted by
route and status.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import aiohttp
import msgspec

from holdfast_loadtest.wire import Problem

MAX_CONNECTIONS: Final = 256
CONNECT_TIMEOUT_SECONDS: Final = 10.0
ANSWER_TIMEOUT_SECONDS: Final = 30.0
MAX_RETRY_AFTER_SECONDS: Final = 30.0
DEFAULT_RETRY_AFTER_SECONDS: Final = 1.0

PAGE: Final = "/wait"
KEYS: Final = "/.well-known/jwks.json"
"""routes of the waiting page and of the keys of passes, which are not below the sale's API"""

T = TypeVar("T")


class ContractError(Exception):
    """Base of everything this client raises."""


class Unreachable(ContractError):
    """No answer: refused, reset, or timed out. The request may or may not have been carried out."""


class Malformed(ContractError):
    """The body of an answer differs from the contract."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one call shows: a bearer (pass or API key), a ticket, an idempotency key."""

    bearer: str | None = field(default=None, repr=False)
    ticket: str | None = field(default=None, repr=False)
    idempotency_key: str | None = None

    def headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self.bearer is not None:
            headers["Authorization"] = f"Bearer {self.bearer}"
        if self.ticket is not None:
            headers["Holdfast-Ticket"] = self.ticket
        if self.idempotency_key is not None:
            headers["Idempotency-Key"] = self.idempotency_key
        return headers


NOBODY: Final = Credentials()


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one exchange."""

    status: int
    body: bytes
    retry_after: float | None = None
    etag: str | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def read(self, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Malformed(f"{kind.__name__}: {error}: {self.body[:200]!r}") from error

    def problem(self) -> Problem:
        """The refusal's body; an empty one when a proxy answered in its own words."""
        try:
            return msgspec.json.decode(self.body, type=Problem)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return Problem()


@dataclass(slots=True)
class Traffic:
    """Answers by route and status, and calls that got none."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    unreachable: int = 0

    @property
    def total(self) -> int:
        return self.answers.total() + self.unreachable

    def of_status(self, status: int) -> int:
        return sum(count for (_, seen), count in self.answers.items() if seen == status)


class Caller(Protocol):
    """What makes the requests of one sale, over whichever library and loop."""

    sale: str
    traffic: Traffic

    async def call(
        self,
        method: str,
        route: str,
        *,
        credentials: Credentials = NOBODY,
        body: object | None = None,
        etag: str | None = None,
        label: str | None = None,
    ) -> Answer:
        """One request, see `Client.call`."""


class Client:
    """Speaks to one deployment about one sale; the role `shop` may be served at another URL."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        sale: str,
        traffic: Traffic | None = None,
        *,
        shop_url: str | None = None,
    ) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._shop_base = (shop_url or base_url).rstrip("/")
        self.sale = sale
        self.traffic = Traffic() if traffic is None else traffic

    def at(self, base_url: str) -> Client:
        """The same sale by another way."""
        return Client(self._session, base_url, self.sale, self.traffic)

    async def call(
        self,
        method: str,
        route: str,
        *,
        credentials: Credentials = NOBODY,
        body: object | None = None,
        etag: str | None = None,
        label: str | None = None,
    ) -> Answer:
        """One request to `/v1/sales/{sale}` + route; `label` names it in the counts when the route
        carries an id.
        """
        headers, data = headers_and_body(credentials, body, etag)
        base = self._shop_base if is_of_shop(route, credentials) else self._base
        url = base + path_of(self.sale, route)
        return await self._exchange(method, url, headers, data, label or route)

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], data: bytes, label: str
    ) -> Answer:
        try:
            async with self._session.request(
                method, url, headers=headers, data=data or None
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.traffic.unreachable += 1
            raise Unreachable(f"{method} {label}: {type(error).__name__}: {error}") from error
        self.traffic.answers[f"{method} {label}", response.status] += 1
        return Answer(
            response.status,
            body,
            retry_after_seconds(response.headers.get("Retry-After")),
            response.headers.get("ETag"),
        )


def headers_and_body(
    credentials: Credentials, body: object | None, etag: str | None
) -> tuple[dict[str, str], bytes]:
    """What a request sends: `body` as JSON, nothing for None; `etag` as what is known already."""
    headers = credentials.headers()
    if etag is not None:
        headers["If-None-Match"] = etag
    if body is None:
        return headers, b""
    return {**headers, "Content-Type": "application/json"}, json.dumps(body).encode()


def path_of(sale: str, route: str) -> str:
    """Where a route of a sale is."""
    if route == KEYS:
        return route
    return f"{PAGE}/{sale}" if route == PAGE else f"/v1/sales/{sale}{route}"


def is_of_shop(route: str, credentials: Credentials) -> bool:
    """Whether the role `shop` serves it: holds and orders by API key, and what needs one."""
    if route.startswith(("/holds", "/orders")):
        # A pass is a JWT.
        return credentials.bearer is not None and credentials.bearer.count(".") != 2
    return route.startswith(("/events", "/identity-key"))


def retry_after_seconds(header: str | None) -> float | None:
    """The delay a server asks for; an HTTP date, which this contract never sends, counts as a short
    one.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return DEFAULT_RETRY_AFTER_SECONDS
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def open_session(connections: int = MAX_CONNECTIONS) -> aiohttp.ClientSession:
    """A session for thousands of visitors: few connections, shared; no cookie jar, for a ticket
    travels as a header.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=ANSWER_TIMEOUT_SECONDS, sock_connect=CONNECT_TIMEOUT_SECONDS
        ),
        auto_decompress=True,
    )
