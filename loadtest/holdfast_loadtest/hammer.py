"""A load generator cheap enough not to be what is measured: raw HTTP/1.1 over keep-alive sockets.

Each connection sends its next request when the previous answer is complete, so the offered load
follows the server (a closed loop). Requests are bytes made beforehand, by a callable when each must
differ. Answers are read just far enough to know where they end: status line, Content-Length, and a
count. aiohttp's client spends 200 us on a request; this spends about 15.

Only what our servers send is understood: no chunked bodies, no interim answers, and a 304 or 204
has no body.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

BODILESS: Final = (b"304", b"204")
MAX_HEAD_BYTES: Final = 16 * 1024

NextRequest = Callable[[], bytes]


@dataclass(slots=True)
class Outcome:
    """What a run of the hammer saw."""

    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.statuses.total()

    def per_second(self, *statuses: str) -> float:
        """Answers per second, of the given statuses or of all."""
        count = sum(self.statuses[status] for status in statuses) if statuses else self.total
        return count / self.seconds if self.seconds else 0.0

    def percentile_ms(self, share: float) -> float:
        if not self.latencies_ms:
            return 0.0
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    """One socket in its loop of request and answer."""

    def __init__(self, next_request: NextRequest, outcome: Outcome, until: float) -> None:
        self._next = next_request
        self._outcome = outcome
        self._until = until
        self._buffer = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do as asyncio's do, but do not derive from them.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = end_of_answer(self._buffer)
        if end is None:
            return
        now = time.perf_counter()
        self._outcome.statuses[self._buffer[9:12].decode()] += 1
        self._outcome.latencies_ms.append((now - self._sent) * 1000)
        self._buffer = self._buffer[end:]
        if now < self._until:
            self._send()
        else:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._outcome.statuses["lost"] += 1
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(self._next())

    def _finish(self) -> None:
        assert self._transport is not None
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()


def end_of_answer(buffer: bytes) -> int | None:
    """Where the first answer in the buffer ends; None while it is incomplete."""
    head = buffer.find(b"\r\n\r\n")
    if head < 0:
        if len(buffer) > MAX_HEAD_BYTES:
            raise ValueError("an answer's head does not end")
        return None
    if buffer[9:12] in BODILESS:
        return head + 4
    lower = buffer[:head].lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise ValueError(f"an answer without Content-Length: {buffer[:head]!r}")
    line_end = lower.find(b"\r\n", at)
    length = int(lower[at + 15 : line_end if line_end > 0 else head])
    end = head + 4 + length
    return end if len(buffer) >= end else None


async def hammer(
    host: str, port: int, next_request: NextRequest, *, seconds: float, connections: int
) -> Outcome:
    """Runs the closed loop over `connections` sockets for `seconds`."""
    outcome = Outcome()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    until = started + seconds
    sockets = []
    for _ in range(connections):
        _, protocol = await loop.create_connection(
            lambda: _Connection(next_request, outcome, until), host, port
        )
        sockets.append(protocol)
    await asyncio.gather(*(protocol.done for protocol in sockets))
    outcome.seconds = time.perf_counter() - started
    return outcome


def request_bytes(
    method: str, path: str, host: str, headers: dict[str, str], body: bytes = b""
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in {"POST", "PUT"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
