"""Waits until a freshly started server answers.

The service's parent process has no event loop yet, so redis-py's plain client asks. A server
that reads a large append-only file back in answers LOADING; that is progress, logged now and then,
within a bound.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.retry import Retry

from holdfast_lua.errors import StoreSetupError

POLL_SECONDS: Final = 0.01
MAX_POLL_SECONDS: Final = 0.25
LOG_EVERY_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 0.5

logger = logging.getLogger(__name__)


def wait_until_ready(path: Path, timeout_seconds: float, check_alive: Callable[[], None]) -> None:
    """Returns when a PING is answered; `check_alive` raises if there is nobody left to wait for."""
    started = time.monotonic()
    logged, pause = started, POLL_SECONDS
    while True:
        check_alive()
        reason = _unready(path)
        if not reason:
            return
        now = time.monotonic()
        if now - started >= timeout_seconds:
            raise StoreSetupError(f"the store is not ready after {timeout_seconds:g} s: {reason}")
        if now - logged >= LOG_EVERY_SECONDS:
            logger.info("waiting for the store (%.0f s): %s", now - started, reason)
            logged = now
        time.sleep(pause)
        pause = min(2 * pause, MAX_POLL_SECONDS)


def _unready(path: Path) -> str:
    """Why the server does not serve yet; empty when it does."""
    client = Redis(
        unix_socket_path=str(path),
        socket_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    try:
        client.ping()
    except BusyLoadingError:
        return f"loading, {_percent(client)} % done"
    except RedisError as fault:
        return str(fault) or "no answer"
    finally:
        client.close()
    return ""


def _percent(client: Redis) -> str:
    try:
        return str(client.info("persistence")["loading_loaded_perc"])
    except (RedisError, KeyError):  # it may be done by now
        return "?"
