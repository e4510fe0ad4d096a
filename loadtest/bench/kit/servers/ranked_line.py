"""A waiting line as shops write it: a sorted set by number, and a server that reads the rank.

    python -m bench.kit.servers.ranked_line PORT SOCKET_OF_THE_STORE

A join takes a number (INCR) and adds itself (ZADD NX); a poll reads its rank (ZRANK) each time. The
server is what `bare.py` is, aiohttp on uvloop with a router of the same size, with redis-py's pool
in front of the store.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from aiohttp import web
from redis import Redis

from bench.kit.clients.redis_py_ways import pooled_client
from bench.kit.contest import Contestant, server_process
from bench.kit.servers.bare import serve
from bench.kit.service import Service

LINE, NUMBER = "shop:line", "shop:line:number"
TICKET: Final = "Holdfast-Ticket"
CHUNK: Final = 10_000
SAMPLES: Final = 200


def serve_ranks(path: str) -> None:
    """Serves joins and views; the store's socket is at `path`."""
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

    serve([("POST", "/tickets", join), ("GET", "/ticket", view)])


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
    """Says where a rank is not the number's, or the line lost somebody; [] is right."""
    with store:
        joined, length = int(store.get(NUMBER) or 0), store.zcard(LINE)
        wrong = [f"{joined:,} numbers, {length:,} in the line"] if joined != length else []
        ranks = {number: store.zrank(LINE, str(number)) for number in (*numbers, joined)}
    return wrong + [
        f"number {number} has rank {rank}" for number, rank in ranks.items() if rank != number - 1
    ]


@contextmanager
def ranked_server(service: Service) -> Iterator[Contestant]:
    """Starts the server in a process of its own, on the service's store."""
    with server_process("bench.kit.servers.ranked_line", str(service.socket)) as (port, pid):
        yield Contestant.beside(service, port, pid)


if __name__ == "__main__":
    serve_ranks(sys.argv[2])
