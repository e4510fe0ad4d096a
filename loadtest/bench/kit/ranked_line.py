"""A waiting line as shops write it: a sorted set by number, and a server that reads the rank.

    python ranked_line.py <port> <socket of the store>

A join takes a number (INCR) and adds itself (ZADD NX); a poll reads its rank (ZRANK) each time. The
server is what `bare.py` is, aiohttp on uvloop with a router of the same size, with redis-py's pool
in front of the store.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
import uvloop
from aiohttp import web
from redis import Redis

from bench.kit.bare import KEEPALIVE_SECONDS, add_other_routes
from bench.kit.clients.redis_py import pooled_client
from bench.kit.contest import Contestant, wait_for_port
from bench.kit.service import HOST, Service, free_port

LINE, NUMBER = "shop:line", "shop:line:number"
TICKET: Final = "Holdfast-Ticket"
CHUNK: Final = 10_000
SAMPLES: Final = 200


def create_ranked(path: str) -> web.Application:
    """The store's socket is at `path`."""
    client = pooled_client(path)

    async def join(request: web.Request) -> web.Response:
        msgspec.json.decode(await request.read())
        number = await client.incr(NUMBER)
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(LINE, {str(number): number}, nx=True)
            pipeline.zrank(LINE, str(number))
            _, rank = await pipeline.execute()
        return _answer({"ticket": str(number), "number": number, "users_ahead": rank}, 201)

    async def view(request: web.Request) -> web.Response:
        ticket = request.headers.get(TICKET, "")
        rank = await client.zrank(LINE, ticket)
        if rank is None:
            return _answer({"code": "ticket_unknown"}, 404)
        return _answer({"state": "waiting", "number": int(ticket), "users_ahead": rank}, 200)

    app = web.Application()
    app.router.add_post("/v1/sales/{sale}/tickets", join)
    app.router.add_get("/v1/sales/{sale}/ticket", view)
    add_other_routes(app)
    return app


def _answer(body: dict[str, object], status: int) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def fill(store: Redis, waiting: int) -> Sequence[int]:
    """A line of so many, numbered from 1; answers some numbers, to be looked up later."""
    with store:
        for first in range(1, waiting + 1, CHUNK):
            numbers = range(first, min(first + CHUNK, waiting + 1))
            store.zadd(LINE, {str(number): number for number in numbers})
        store.set(NUMBER, waiting)
    return range(1, waiting + 1, max(1, waiting // SAMPLES))


def ranks_differ(store: Redis, numbers: Sequence[int]) -> list[str]:
    """Where a rank is not the number's, or the line lost somebody; [] is right."""
    with store:
        joined, length = int(store.get(NUMBER) or 0), store.zcard(LINE)
        wrong = [f"{joined:,} numbers, {length:,} in the line"] if joined != length else []
        ranks = {number: store.zrank(LINE, str(number)) for number in (*numbers, joined)}
    return wrong + [
        f"number {number} has rank {rank}" for number, rank in ranks.items() if rank != number - 1
    ]


@contextmanager
def ranked_server(service: Service) -> Iterator[Contestant]:
    """In a process of its own, on the service's store."""
    port = free_port()
    command = [sys.executable, "-m", "bench.kit.ranked_line", str(port), str(service.socket)]
    process = subprocess.Popen(command)
    try:
        wait_for_port(port)
        yield Contestant.beside(service, port, process.pid)
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    uvloop.install()
    web.run_app(
        create_ranked(sys.argv[2]),
        host=HOST,
        port=int(sys.argv[1]),
        access_log=None,
        keepalive_timeout=KEEPALIVE_SECONDS,
        print=None,
    )


if __name__ == "__main__":
    main()
