"""The event loop of a run: it knows when nobody can go on, and asks for I/O only then.

A worker goes on until it waits for a delivery; between two deliveries nothing is read or written.
So the system is asked for I/O when nothing else is left to do, where an ordinary loop asks in every
iteration, and whoever wants to know that all are blocked is told at that moment.
"""

import asyncio
from typing import Any, cast


class ModelLoop(asyncio.SelectorEventLoop):
    """An event loop that tells when all are blocked.

    `_run_once` is asyncio's own step of a loop. It is private, and has been there with this meaning
    since the beginning; there is no public way to know that nothing is left to run.
    """

    _ready: Any
    waiter: asyncio.Future[None] | None = None

    def _run_once(self) -> None:
        """Runs all that can run; tells that all are blocked, or else looks at timers and I/O."""
        ready = self._ready
        if not ready:
            super()._run_once()  # type: ignore[misc]  # of BaseEventLoop
        while ready:
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
            if not ready and self.waiter is not None:
                waiter, self.waiter = self.waiter, None
                waiter.set_result(None)


def blocked() -> asyncio.Future[None]:
    """Done when no task of this loop can go on without I/O or a delivery."""
    loop = cast(ModelLoop, asyncio.get_running_loop())
    waiter: asyncio.Future[None] = loop.create_future()
    loop.waiter = waiter
    return waiter
