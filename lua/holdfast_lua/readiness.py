"""Waits until a freshly started server answers, over the plainest of clients.

The service's parent process has no event loop yet, so this talks to the socket directly. A server
that reads a large append-only file back in answers LOADING; that is progress, logged now and then,
within a bound.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast_lua.errors import StoreSetupError

POLL_SECONDS: Final = 0.01
MAX_POLL_SECONDS: Final = 0.25
LOG_EVERY_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 1.0
_INFO_BYTES: Final = 8192

logger = logging.getLogger(__name__)


def wait_until_ready(path: Path, timeout_seconds: float, check_alive: Callable[[], None]) -> None:
    """Returns when a PING is answered; `check_alive` raises if there is nobody left to wait for."""
    started = time.monotonic()
    logged, pause = started, POLL_SECONDS
    while True:
        check_alive()
        answer = _ping(path)
        if answer.startswith("+PONG"):
            return
        now = time.monotonic()
        if now - started >= timeout_seconds:
            raise StoreSetupError(f"the store is not ready after {timeout_seconds:g} s: {answer}")
        if now - logged >= LOG_EVERY_SECONDS:
            logger.info("waiting for the store (%.0f s): %s", now - started, answer)
            logged = now
        time.sleep(pause)
        pause = min(2 * pause, MAX_POLL_SECONDS)


def _ping(path: Path) -> str:
    """What the server says to PING, or why it says nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_ANSWER_SECONDS)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            answer = client.recv(200).decode(errors="replace").strip()
            if not answer.startswith("-LOADING"):
                return answer or "closed the connection"
            client.sendall(b"INFO persistence\r\n")
            return f"loading, {_percent(client.recv(_INFO_BYTES))} % done"
        except OSError as fault:
            return fault.strerror or str(fault) or "no answer"


def _percent(info: bytes) -> str:
    _, found, rest = info.partition(b"loading_loaded_perc:")
    return rest.split(b"\r\n", 1)[0].decode() if found else "?"
