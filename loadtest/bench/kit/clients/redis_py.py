"""redis-py as it would have to be set up for writes: a pool that waits, and repeats nothing."""

from __future__ import annotations

from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

POOL_CONNECTIONS: Final = 64
POOL_WAIT_SECONDS: Final = 20


def pooled_client(path: str) -> Redis:
    """Over a Unix socket; it parses and packs with hiredis, in RESP2."""
    pool = BlockingConnectionPool(
        connection_class=UnixDomainSocketConnection,
        path=path,
        max_connections=POOL_CONNECTIONS,
        timeout=POOL_WAIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return Redis.from_pool(pool)
