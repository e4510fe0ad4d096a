"""What is asked of the store as a whole, and not of a sale in it."""

from __future__ import annotations

from typing import Final

from holdfast_lua.calls import keys
from holdfast_lua.client.executor import Executor
from holdfast_lua.errors import NOT_PERMITTED, StoreRefusing

PLAIN_COMMANDS: Final = ("GET", "SCAN", "UNLINK")
"""what the service runs outside scripts"""


async def probe_store(executor: Executor) -> None:
    """Returns when every server of the store would take what the service writes.

    Nothing is written. Raises StoreRefusing when a server answers and would not (its memory or disk
    is full, its replicas are gone, our user may not), StoreUnavailable when one does not answer.
    """
    wanted = (*executor.bundle.commands, *PLAIN_COMMANDS)
    replies = await executor.run_on_every_server("probe_store", (keys.PROBE, *wanted))
    forbidden = sorted({name.decode() for reply in replies for name in reply[1:]})
    if forbidden:
        names = ", ".join(forbidden)
        raise StoreRefusing(f"its user may not run {names} on keys hf:*", NOT_PERMITTED)
