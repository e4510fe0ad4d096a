"""Faults in the log: what was raised and where, without the exception's own words.

The text of an exception often repeats what it was raised about, and that may be a ticket, a pass or
a key that a client has sent. Types and the lines of code are ours, so they can be told; a test
sends every kind of credential in every place and reads the log of a real service.
"""

import asyncio
import logging
import traceback
from collections.abc import Iterator
from typing import Any

_log = logging.getLogger(__name__)


def log_fault(message: str, exc: BaseException | None) -> None:
    """Logs an error of ours with the types and tracebacks of `exc` and of its causes. `message` is
    a sentence that no client has had a part in.
    """
    _log.error("%s\n%s", message, "".join(_chain(exc)) if exc is not None else "(no exception)")


def handle_loop_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's exception handler: what a task or a callback raised that nobody awaits. The
    loop's own message shows a callback with its arguments, so it is left out. A connection that
    breaks is the client's affair and no fault.
    """
    exc = context.get("exception")
    if isinstance(exc, OSError) and "transport" in context:
        return
    log_fault("a task or callback of the event loop failed", exc)


def _chain(exc: BaseException) -> Iterator[str]:
    """From the first cause to what was raised in the end."""
    earlier = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    if earlier is not None:
        yield from _chain(earlier)
        yield "which led to\n"
    yield from traceback.format_tb(exc.__traceback__)
    yield f"{type(exc).__module__}.{type(exc).__qualname__}\n"
    if isinstance(exc, BaseExceptionGroup):
        for each in exc.exceptions:
            yield from _chain(each)
