"""A flood of requests that are made to hurt: compressed bodies and what nobody can parse."""

import asyncio
import gzip
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from holdfast_demo.chaos.fault import InjectionFailed
from holdfast_demo.chaos.target import Target, happens

CONNECTIONS: Final = 8
EFFECT_REQUESTS: Final = 60
EFFECT_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 10.0
BOMB_BYTES: Final = 10 * 1024 * 1024
CLOSED: Final = 0
"""counted where the connection was closed without a word"""


@asynccontextmanager
async def flood(target: Target) -> AsyncIterator[str]:
    """Sends the requests on a few connections until the block ends; none may be accepted."""
    answers: Counter[int] = Counter()
    shots = itertools.cycle(_shots(target))
    senders = [
        asyncio.create_task(_send_on(target.url, shots, answers)) for _ in range(CONNECTIONS)
    ]
    try:
        if not await happens(lambda: answers.total() >= EFFECT_REQUESTS, EFFECT_SECONDS):
            raise InjectionFailed(f"only {answers.total()} of the flood's requests had an end")
        yield f"{_refused(answers):,} compressed or broken requests refused, none taken"
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
    _refused(answers)


def _refused(answers: Counter[int]) -> int:
    """How many were refused; one that was accepted, or met a fault of the service, is a breach."""
    wrong = {status: n for status, n in answers.items() if 0 < status < 400 or status == 500}
    if wrong:
        raise InjectionFailed(f"the flood was answered {wrong}")
    return answers.total()


async def _send_on(url: str, shots: "itertools.cycle[bytes]", answers: Counter[int]) -> None:
    """Sends one after the other, each on a connection of its own."""
    while True:
        answers[await _send(url, next(shots))] += 1


async def _send(url: str, shot: bytes) -> int:
    parts = urlsplit(url)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(shot)
            line = await reader.readline()
        return int(line.split()[1])
    except (OSError, TimeoutError, IndexError, ValueError):
        return CLOSED
    finally:
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _shots(target: Target) -> list[bytes]:
    bomb = gzip.compress(bytes(BOMB_BYTES))
    host = urlsplit(target.url).netloc
    sale = f"/v1/sales/{target.sale.sale}"

    def post(route: str, body: bytes, *headers: str) -> bytes:
        lines = (f"POST {sale}{route} HTTP/1.1", f"Host: {host}", *headers)
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    length = f"Content-Length: {len(bomb)}"
    return [
        post("/tickets", bomb, length, "Content-Encoding: gzip", "Content-Type: application/json"),
        post("/holds", bomb, length, "Content-Encoding: deflate", "Authorization: Bearer none"),
        post("/tickets", b"zz\r\nno chunk\r\n", "Transfer-Encoding: chunked"),
        post("/tickets", b"", "Content-Length: -1"),
        post("/holds", b"", "X: " + "y" * 100_000),
        b"GET /v1/sales/\xff\xfe HTTP/1.1\r\nHost: x\r\nCookie: \xe9\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
        post("/tickets", b"[" * 8_000, "Content-Length: 8000", "Content-Type: application/json"),
    ]
