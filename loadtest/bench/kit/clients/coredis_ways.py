"""Ways to make the script call with coredis, which speaks RESP3 by a parser of its own.

Its checks of arguments and replies are off (`Config.optimized`) and nothing is decoded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import coredis

from bench.kit.clients.callers import OneCall, Ways
from bench.kit.clients.pump import Pump, Send
from bench.kit.clients.two_commands import ScriptCall

coredis.Config.optimized = True


class LeastRequest:
    """As much of a request as a connection reads; with the client's own class a batch costs more,
    a quarter with 50 callers and a half with 500.
    """

    __slots__ = ("decode", "name", "serialized_arguments")

    def __init__(self, call: ScriptCall) -> None:
        self.name = b"EVALSHA"
        self.decode = False
        self.serialized_arguments = (call.sha, len(call.keys), *call.keys, *call.args)


@asynccontextmanager
async def coredis_ways(
    path: str, call: ScriptCall, connections: Sequence[int]
) -> AsyncIterator[Ways]:
    """The client by itself, a pump over its pipeline, and one over what the pipeline is made of.

    By itself it writes concurrent calls together, over as many connections as its pool has.
    """
    async with AsyncExitStack() as stack:
        ways: Ways = {}
        for count in connections:
            client = await stack.enter_async_context(
                coredis.Redis.from_url(f"unix://{path}", max_connections=count)
            )
            sends = [await _batches(stack, path) for _ in range(count)]
            pipelines = await stack.enter_async_context(Pump([_pipelined(client)] * count))
            batches = await stack.enter_async_context(Pump(sends))
            ways |= {
                f"coredis {count}": _alone(client, call),
                f"coredis pipeline {count}": partial(pipelines.run, call),
                f"coredis batch {count}": partial(batches.run, call),
            }
        yield ways


def _alone(client: Any, call: ScriptCall) -> OneCall:
    return lambda: client.evalsha(call.sha, call.keys, call.args)


def _pipelined(client: Any) -> Send[ScriptCall]:
    async def send(calls: list[ScriptCall]) -> Sequence[Any]:
        async with client.pipeline(transaction=False, raise_on_error=False) as pipeline:
            for call in calls:
                pipeline.evalsha(call.sha, call.keys, call.args)
        results: Sequence[Any] = pipeline.results
        return results

    return send


async def _batches(stack: AsyncExitStack, path: str) -> Send[ScriptCall]:
    """A connection of its own, given bare requests: the least Python on the way."""
    client = await stack.enter_async_context(
        coredis.Redis.from_url(f"unix://{path}", max_connections=1)
    )
    connection = await stack.enter_async_context(client.connection_pool.acquire())

    async def send(calls: list[ScriptCall]) -> Sequence[Any]:
        requests = [LeastRequest(call) for call in calls]
        replies: Sequence[Any] = await connection.create_request_batch(requests)
        return replies

    return send
