"""Work that goes on after its client has been answered.

Bringing the store up to date with an order is such work: the answer is true as soon as the ledger
has it. The caller still waits for it, up to GRACE_SECONDS, so that a client who reads the seat map
next will, as a rule, see its seats booked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

from holdfast_ledger import LedgerError
from holdfast_lua.errors import StoreError
from holdfast_tasks import start_task

GRACE_SECONDS: Final = 0.25

_log = logging.getLogger(__name__)


class BackgroundTasks:
    """The background work of one application, drained when it ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, work: Coroutine[None, None, None]) -> None:
        """Starts `work` and waits for it up to GRACE_SECONDS.

        Errors of store and ledger are logged and left to recovery.
        """
        await asyncio.wait({self.start(work)}, timeout=GRACE_SECONDS)

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Starts `work` that no answer waits for."""
        task = start_task(_logged(work), name="background work", inherits=True)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> None:
        """Waits until all work has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _logged(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except (StoreError, LedgerError) as error:
        _log.warning("background work is left to recovery: %r", error)
