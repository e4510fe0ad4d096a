"""Server-sent events of one sale on a connection of its own, for one greenlet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from geventhttpclient import HTTPClient

from holdfast_loadtest.client import CONNECT_TIMEOUT_SECONDS

SILENCE_SECONDS: Final = 30.0
"""after which a stream counts as dead: the service sends something every 15 seconds"""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its type, `message` unless told, its id, and its data."""

    kind: str
    id: str | None
    data: bytes


class EventStream:
    """An open stream; iterating answers events until the server ends it."""

    def __init__(self, url: str, path: str, last_event_id: str | None = None) -> None:
        self._client = HTTPClient.from_url(
            url,
            connection_timeout=CONNECT_TIMEOUT_SECONDS,
            network_timeout=SILENCE_SECONDS,
        )
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self._response: Any = self._client.request(
            "GET", urlsplit(url).path.rstrip("/") + path, headers=headers
        )

    @property
    def status(self) -> int:
        return int(self._response.status_code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.release()
        self._client.close()

    def body(self) -> bytes:
        """All of a response that is no stream, such as a refusal."""
        return bytes(self._response.read())

    def __iter__(self) -> Iterator[ServerEvent]:
        kind, identifier, data = "message", None, b""
        while line := self._response.readline(b"\n"):
            field, _, value = bytes(line).rstrip(b"\r\n").partition(b":")
            value = value.removeprefix(b" ")
            match field:
                case b"event":
                    kind = value.decode()
                case b"id":
                    identifier = value.decode()
                case b"data":
                    data += value
                case b"" if not value and line.strip() == b"":
                    if data or identifier is not None:
                        yield ServerEvent(kind, identifier, data)
                    kind, identifier, data = "message", None, b""
