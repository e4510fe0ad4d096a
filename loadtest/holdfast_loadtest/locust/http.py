"""Requests of the crowd under Locust: over geventhttpclient, counted in Locust's statistics.

`FastHttpUser` keeps a session with cookies for each user. People of the crowd send their tickets as
headers, so the users of a process share one pool of connections; that takes half the processor time
a request. Steps are named as `STEPS` says, in statistics, thresholds and the report alike.

What counts as a failure: no answer, 5xx, and answers that say that the request itself was wrong
(400, 404, 405, 408, 413, 415). Other refusals (sold out, not admitted yet, too many) are answers,
counted by their code.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError

from holdfast_loadtest.client import (
    ANSWER_TIMEOUT_SECONDS,
    CONNECT_TIMEOUT_SECONDS,
    NOBODY,
    PAGE,
    Answer,
    Credentials,
    Traffic,
    Unreachable,
    headers_and_body,
    is_of_shop,
    path_of,
    retry_after_seconds,
)
from holdfast_loadtest.observations.observer import Observer

if TYPE_CHECKING:
    from locust.event import EventHook

STEPS: Final = {
    f"GET {PAGE}": "page",
    "POST /tickets": "join",
    "GET /status": "poll",
    "GET /ticket": "place",
    "POST /pass": "claim",
    "DELETE /pass": "leave",
    "POST /pass/exchange": "exchange",
    "GET /plan": "plan",
    "GET /seats": "map",
    "GET /changes": "changes",
    "POST /holds": "hold",
    "GET /holds/{id}": "read_hold",
    "POST /holds/{id}/release": "release",
    "POST /holds/{id}/paying": "paying",
    "POST /holds/{id}/confirm": "confirm",
}
FAILED: Final = frozenset({400, 404, 405, 408, 413, 415})
NO_ANSWER: Final = "no_answer"


class GeventClient:
    """A `Caller` for the people of one process, who share its connections."""

    def __init__(
        self,
        url: str,
        sale: str,
        requests: EventHook,
        observer: Observer,
        *,
        connections: int,
        shop_url: str | None = None,
    ) -> None:
        self.sale = sale
        self.traffic = Traffic()
        self._requests = requests
        self._observer = observer
        self._main = _Origin(url, connections)
        self._shop = self._main if shop_url in {None, url} else _Origin(shop_url or url, 64)

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
        headers, data = headers_and_body(credentials, body, etag)
        headers["Accept-Encoding"] = "gzip"
        origin = self._shop if is_of_shop(route, credentials) else self._main
        path = path_of(self.sale, route)
        return self._exchange(
            origin, method, path, _step(method, route, label), _Sent(headers, data)
        )

    def send(
        self, method: str, path: str, headers: Mapping[str, str], data: bytes, step: str
    ) -> Answer:
        """A request to any address of the service, as it is; raises Unreachable."""
        return self._exchange(self._main, method, path, step, _Sent(headers, data))

    def close(self) -> None:
        self._main.close()
        self._shop.close()

    def _exchange(self, origin: _Origin, method: str, path: str, step: str, sent: _Sent) -> Answer:
        began = time.perf_counter()
        try:
            answer = origin.request(method, path, sent)
        except (OSError, HTTPParseError, zlib.error, EOFError) as error:
            self.traffic.unreachable += 1
            self.report(method, step, began, failure=type(error).__name__, code=NO_ANSWER)
            raise Unreachable(f"{step}: {type(error).__name__}: {error}") from error
        self.traffic.answers[step, answer.status] += 1
        code = "" if answer.status < 400 else answer.problem().code or str(answer.status)
        failure = code if answer.status >= 500 or answer.status in FAILED else None
        self.report(method, step, began, size=len(answer.body), failure=failure, code=code)
        return answer

    def report(
        self,
        method: str,
        step: str,
        began: float,
        *,
        size: int = 0,
        failure: str | None = None,
        code: str = "",
    ) -> None:
        """Counts a request that began at `time.perf_counter() == began`; `code` is a refusal's."""
        seconds = time.perf_counter() - began
        self._requests.fire(  # type: ignore[no-untyped-call] # Locust's is
            request_type=method,
            name=step,
            response_time=seconds * 1000,
            response_length=size,
            exception=None if failure is None else StepFailed(failure),
            context={},
        )
        self._observer.answered(step, seconds, failure is not None)
        if code:
            self._observer.refused(step, code)


def _step(method: str, route: str, label: str | None) -> str:
    """The name of the step: a label that is no route is one."""
    if label is not None and not label.startswith("/"):
        return label
    named = f"{method} {label or route.partition('?')[0]}"
    return STEPS.get(named, named)


class StepFailed(Exception):
    """Why Locust counts a request as failed."""


@dataclass(frozen=True, slots=True)
class _Sent:
    headers: Mapping[str, str]
    body: bytes


class _Origin:
    """The connections of one process to one address."""

    def __init__(self, url: str, connections: int) -> None:
        self._prefix = urlsplit(url).path.rstrip("/")
        self._client = HTTPClient.from_url(
            url,
            concurrency=connections,
            connection_timeout=CONNECT_TIMEOUT_SECONDS,
            network_timeout=ANSWER_TIMEOUT_SECONDS,
        )

    def request(self, method: str, path: str, sent: _Sent) -> Answer:
        response: Any = self._client.request(
            method, self._prefix + path, body=sent.body, headers=dict(sent.headers)
        )
        body = bytes(response.read())
        if response.get("content-encoding") == "gzip" and body:
            body = gzip.decompress(body)
        return Answer(
            response.status_code,
            body,
            retry_after_seconds(response.get("retry-after")),
            response.get("etag"),
        )

    def close(self) -> None:
        self._client.close()
