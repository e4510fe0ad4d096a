"""A stream of live figures whose client does not read goes on with the newest ones."""

import asyncio
import itertools
import re
import socket
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.figures.live_figures import LiveFigures
from holdfast.http import live_routes
from holdfast.http.live_routes import LIVE_FIGURES, LIVE_STREAMS, LiveStreams, live
from holdfast_metrics.metrics import Metrics
from holdfast_web.credentials import API_KEYS, ApiKey, Role
from holdfast_web.metrics import METRICS

DOCUMENT_BYTES = 8192
MADE_WHILE_AWAY = 3000
"""some 24 MB, more than the kernel keeps for both ends"""
REQUEST = (
    b"GET /v1/sales/night/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
    b"Accept: text/event-stream\r\n\r\n"
)
SERIAL = re.compile(rb"data: (\d+) ")


@dataclass
class Document:
    body: bytes
    brief: bytes


class Numbered:
    """Live figures that are a number and some room."""

    def __init__(self) -> None:
        self.made = 0
        self.enough = asyncio.Event()

    async def document(self, _: str) -> Document:
        self.made += 1
        if self.made >= MADE_WHILE_AWAY:
            self.enough.set()
            await asyncio.sleep(0)  # lets the client read, which nothing else waits for
        text = b"%d %b" % (self.made, b"." * DOCUMENT_BYTES)
        return Document(text, text)


def application(figures: Numbered) -> web.Application:
    app = web.Application()

    async def api_keys(_: str) -> ApiKey | None:
        return ApiKey("k", Role.VIEWER, "k")

    app[API_KEYS] = api_keys
    app[LIVE_FIGURES] = cast(LiveFigures, figures)
    app[LIVE_STREAMS] = LiveStreams()
    app[METRICS] = cast(Any, Metrics())
    app.router.add_get("/v1/sales/{sale}/live", live)
    return app


async def test_client_that_does_not_read_goes_on_with_the_newest_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a look at what has left it would wait behind a full buffer of old figures."""
    monkeypatch.setattr(live_routes, "EVERY_SECONDS", 0.0)
    figures, loop = Numbered(), asyncio.get_running_loop()
    app = application(figures)
    async with TestServer(app) as server:
        with socket.create_connection(("127.0.0.1", server.port or 0)) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, REQUEST)
            async with asyncio.timeout(60):
                await figures.enough.wait()
                received = b""
                while not (serials := _serials(received)) or serials[-1] < MADE_WHILE_AWAY:
                    received += await loop.sock_recv(client, 1 << 20)
            app[LIVE_STREAMS].closing.set()
    assert serials == sorted(set(serials))
    gaps = [later - one for one, later in itertools.pairwise(serials) if later > one + 1]
    assert len(gaps) >= 1
    assert len(serials) < MADE_WHILE_AWAY // 2


def _serials(received: bytes) -> list[int]:
    return [int(serial) for serial in SERIAL.findall(received)]
