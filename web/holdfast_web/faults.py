"""Logs faults: what was raised and where, without the text of the exception.

The text of an exception often repeats the value it was raised about, which may be a ticket, a pass
or a key from a client. Types and lines of code are ours and can be logged; a test sends every kind
of credential in every place and reads the log of a real service.
"""

import asyncio
import logging
import traceback
from collections.abc import Iterator
from typing import Any

_log = logging.getLogger(__name__)


def log_fault(message: str, exc: BaseException | None) -> None:
    """Logs a fault with the types and tracebacks of `exc` and of its causes.

    `message` contains nothing that came from a client.
    """
    _log.error("%s\n%s", message, "".join(_chain(exc)) if exc is not None else "(no exception)")


def handle_loop_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's exception handler: logs what a task or callback raised that nobody awaits.

    The loop's own message shows a callback with its arguments, so it is left out. A connection that
    breaks is no fault.
    """
    exc = context.get("exception")
    if isinstance(exc, OSError) and "transport" in context:
        return
    log_fault("a task or callback of the event loop failed", exc)


def _chain(exc: BaseException) -> Iterator[str]:
    """The lines of a traceback, from the first cause to `exc`."""
    earlier = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    if earlier is not None:
        yield from _chain(earlier)
        yield "which led to\n"
    yield from traceback.format_tb(exc.__traceback__)
    yield f"{type(exc).__module__}.{type(exc).__qualname__}\n"
    if isinstance(exc, BaseExceptionGroup):
        for each in exc.exceptions:
            yield from _chain(each)
