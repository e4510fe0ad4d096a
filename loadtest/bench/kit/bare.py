"""The yardstick: a bare aiohttp application that answers given bytes and nothing else.

It has a router of the same size as the service's, the same event loop and the same server options,
and sends the same status, headers and body; a POST has its body read and parsed, as any handler
must. What the service costs on top of this is its own.

    python bare.py <port> < answers.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import uvloop
from aiohttp import web

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


def create_bare(answers: list[dict[str, Any]]) -> web.Application:
    """Routes as the service has them: the sale is a variable part of the path."""
    app = web.Application()
    for answer in answers:
        app.router.add_route(answer["method"], answer["pattern"], handler_of(answer))
    add_other_routes(app)
    return app


def add_other_routes(app: web.Application) -> None:
    """As many as the service has beside the one that is asked."""
    for number in range(OTHER_ROUTES):
        app.router.add_get(f"/v1/sales/{{sale}}/other{number}", _absent)


def main() -> None:
    uvloop.install()
    web.run_app(
        create_bare(json.load(sys.stdin)),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=None,
        keepalive_timeout=KEEPALIVE_SECONDS,
        print=None,
    )


if __name__ == "__main__":
    main()
