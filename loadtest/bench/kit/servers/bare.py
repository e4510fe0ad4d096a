"""The yardstick: a bare aiohttp application that answers given bytes and nothing else.

It has a router of the same size as the service's, the same event loop and the same server options,
and sends the same status, headers and body; the body of a POST is read and parsed.

    python -m bench.kit.servers.bare PORT < ANSWER.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec
import uvloop
from aiohttp import web

SALE_PATTERN: Final = "/v1/sales/{sale}"
OTHER_ROUTES: Final = 50
KEEPALIVE_SECONDS: Final = 15.0
# aiohttp sets these itself; sending them twice would be another answer.
OWN_HEADERS: Final = frozenset({"content-length", "content-type", "date", "server"})

Handler = Callable[[web.Request], Awaitable[web.Response]]


def handler_of(answer: dict[str, Any]) -> Handler:
    """Sends what the service sent."""
    body = answer["body"].encode()
    headers = {k: v for k, v in answer["headers"].items() if k.lower() not in OWN_HEADERS}
    content_type = answer["headers"].get("Content-Type", "application/json").partition(";")[0]
    status = answer["status"]
    parses = answer["method"] == "POST"

    async def answered(request: web.Request) -> web.Response:
        if parses:
            msgspec.json.decode(await request.read())
        return web.Response(body=body, status=status, headers=headers, content_type=content_type)

    return answered


async def _absent(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


def serve(routes: Iterable[tuple[str, str, Handler]]) -> None:
    """Serves routes of a sale, each a method, the rest of a path, and a handler.

    The sale is a variable part of the path, and there are as many other routes as the service has.
    """
    app = web.Application()
    for method, route, handler in routes:
        app.router.add_route(method, SALE_PATTERN + route, handler)
    for number in range(OTHER_ROUTES):
        app.router.add_get(f"{SALE_PATTERN}/other{number}", _absent)
    uvloop.install()
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=None,
        keepalive_timeout=KEEPALIVE_SECONDS,
        print=None,
    )


def main() -> None:
    answer = json.load(sys.stdin)
    serve([(answer["method"], answer["route"], handler_of(answer))])


if __name__ == "__main__":
    main()
