"""redis-py, set up as it would have to be for writes: a pool that waits, and repeats nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bench.kit.clients.callers import Ways
from bench.kit.clients.pump import Pump
from bench.kit.clients.two_commands import ScriptCall

POOL_CONNECTIONS: Final = 64
POOL_WAIT_SECONDS: Final = 20


def pooled_client(path: str) -> Redis:
    """A client over a Unix socket, which parses and packs with hiredis, in RESP2."""
    pool = BlockingConnectionPool(
        connection_class=UnixDomainSocketConnection,
        path=path,
        max_connections=POOL_CONNECTIONS,
        timeout=POOL_WAIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return Redis.from_pool(pool)


@asynccontextmanager
async def redis_py_ways(
    path: str, call: ScriptCall, connections: Sequence[int]
) -> AsyncIterator[Ways]:
    """Its pool, and a pump over its pipeline."""
    client = pooled_client(path)

    async def pooled() -> Any:
        return await client.evalsha(call.sha, len(call.keys), *call.keys, *call.args)

    async def send(commands: list[tuple[str, ...]]) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies

    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        ways: Ways = {"redis-py pool": pooled}
        for count in connections:
            pump = await stack.enter_async_context(Pump([send] * count))
            ways[f"redis-py pump {count}"] = partial(pump.run, call.command)
        yield ways
