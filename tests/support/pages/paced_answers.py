"""A slow line without its time: a server between a page and a service that hands each answer on in
pieces, and each piece when it is told to.
"""

import asyncio
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from playwright.async_api import Route

PASSED_ON: Final = ("Accept", "Accept-Encoding", "Origin", "Authorization")


class PacedAnswers:
    """GETs of `service`; `redirect` is the handler of a route for them."""

    def __init__(self, service: str, pieces: int) -> None:
        self._service = service
        self._pieces = pieces
        self._sent = asyncio.Semaphore(0)
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(auto_decompress=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()
        await self._http.close()

    async def redirect(self, route: Route) -> None:
        """Lets a request of the page go this way, of which the page knows nothing."""
        port = self._runner.addresses[0][1]
        parts = urlsplit(route.request.url)
        await route.continue_(url=parts._replace(netloc=f"127.0.0.1:{port}").geturl())

    def send_piece(self) -> None:
        """Hands the next piece on."""
        self._sent.release()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        async with self._http.get(f"{self._service}{request.path_qs}", headers=asked) as answer:
            body = await answer.read()
            response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        length = -(-len(body) // self._pieces)
        for start in range(0, len(body), length):
            await self._sent.acquire()
            await response.write(body[start : start + length])
        return response
