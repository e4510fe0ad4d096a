"""Questions to one server on a connection of its own, outside all batches, through redis-py.

Used where the executor cannot be: to find the master or the slots before there is a node to send
to, to look at a store before the service starts on it, and for administration. redis-py is told not
to retry: its default repeats a command up to ten times after a timeout, and a script that is not
idempotent would run as often.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from holdfast_lua.client.link import Address, LinkSettings


def connection_options(settings: LinkSettings) -> dict[str, Any]:
    """What every redis-py client of ours is opened with, whatever its kind."""
    tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": settings.ca or None} if settings.tls else {}
    return {
        "username": settings.username or None,
        "password": settings.password or None,
        "socket_timeout": settings.reply_timeout_seconds,
        "socket_connect_timeout": settings.connect_timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        **tls,
    }


def plain_client(address: Address, settings: LinkSettings, **options: Any) -> Redis:
    """A redis-py client of one server, bytes in and out; `options` override the settings."""
    place = {"unix_socket_path": address.path} if address.path else {}
    host: dict[str, Any] = {"host": address.host, "port": address.port, "db": settings.database}
    return Redis(**{**host, **place, **connection_options(settings), **options})


@asynccontextmanager
async def asking(address: Address, settings: LinkSettings) -> AsyncIterator[Redis]:
    """A client for a few questions; whatever goes wrong leaves as ConnectionError, an OSError."""
    client = plain_client(address, settings)
    try:
        yield client
    except RedisError as fault:
        raise ConnectionError(f"{address}: {fault}") from fault
    finally:
        await client.aclose()
