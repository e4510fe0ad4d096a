"""The script by which workers tell each other which sales they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast_lua.calls import keys
from holdfast_lua.client.executor import Executor

MARKS_PER_CALL: Final = 1_000


class Asked(NamedTuple):
    """Store time, and the uids of the sales that some worker has marked since the moment asked."""

    now_ms: int
    uids: frozenset[str]


async def mark_requested(executor: Executor, since_ms: int, uids: Sequence[str]) -> Asked:
    """Mark the sales that this worker was asked for; hear of those marked after `since_ms`."""
    now_ms, heard = 0, set[str]()
    for at in range(0, max(1, len(uids)), MARKS_PER_CALL):
        marks = uids[at : at + MARKS_PER_CALL]
        _, now_ms, *told = await executor.run(
            "mark_requested", [keys.REQUESTED], [since_ms, *marks]
        )
        heard.update(uid.decode() for uid in told)
    return Asked(now_ms, frozenset(heard))
