"""What is asked of the store as a whole, and not of a sale in it.

Its data version says which releases can work with what its keys hold. Scripts are addressed by the
digest of their text, so two releases may run on one store, each with its own. Keys and fields that
were only added need no new version: a script leaves alone what it does not know. A release that
changes the meaning of one reads the new version for one release before it writes it.
"""

from __future__ import annotations

from typing import Final

from holdfast_lua.calls import keys
from holdfast_lua.calls.replies import FORBIDDEN
from holdfast_lua.client.executor import Executor
from holdfast_lua.errors import INCOMPATIBLE, NOT_PERMITTED, StoreRefusing

PLAIN_COMMANDS: Final = ("GET", "LRANGE", "SCAN", "SET", "UNLINK")
"""what the service runs outside scripts"""
FIRST_VERSION: Final = 1
"""of the data in a store that has none noted"""
READS: Final = range(1, 2)
"""the data versions with which this release works"""
WRITES: Final = 1
"""the one to which a node of this release brings the store when it starts"""


async def probe_store(executor: Executor) -> None:
    """Returns when every server of the store would take what the service writes.

    Nothing is written. Raises StoreRefusing when a server answers and would not (its memory or disk
    is full, its replicas are gone, our user may not), or when another release has written what this
    one does not understand; StoreUnavailable when one does not answer.
    """
    wanted = (*executor.bundle.commands, *PLAIN_COMMANDS)
    replies = await executor.run_on_every_server("probe_store", (keys.PROBE, *wanted))
    lists = (FORBIDDEN.named(reply)["commands"] for reply in replies)
    forbidden = sorted({name.decode() for names in lists for name in names})
    if forbidden:
        names = ", ".join(forbidden)
        raise StoreRefusing(f"its user may not run {names} on keys hf:*", NOT_PERMITTED)
    version = int(await executor.command("GET", keys.DATA_VERSION) or FIRST_VERSION)
    if version not in READS:
        raise StoreRefusing(_incompatibility(version), INCOMPATIBLE)


async def raise_version(executor: Executor) -> None:
    """Notes that this release's data version is written from now on; never lowers it."""
    noted = await executor.command("GET", keys.DATA_VERSION)
    if noted is None or int(noted) < WRITES:
        await executor.command("SET", keys.DATA_VERSION, str(WRITES))


def _incompatibility(version: int) -> str:
    known = f"its data has version {version}, and this release works with {READS[0]} to {READS[-1]}"
    if version < READS[0]:
        return f"{known}: first upgrade to a release in between (docs/operations.md, Upgrading)"
    return f"{known}: run the release that has written it, or empty the store to have it rebuilt"
