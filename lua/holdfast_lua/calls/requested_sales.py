"""Marks which sales a worker has requests for, and reads which ones other workers have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast_lua.calls import keys
from holdfast_lua.calls.replies import MARKED_SALES
from holdfast_lua.client.executor import Executor

MARKS_PER_CALL: Final = 1_000


class RequestedSales(NamedTuple):
    """Store time, and the uids of the sales that some worker has marked since the moment given."""

    now_ms: int
    uids: frozenset[str]


async def mark_requested(executor: Executor, since_ms: int, uids: Sequence[str]) -> RequestedSales:
    """Marks the sales that this worker has requests for; answers those marked after `since_ms`."""
    now_ms, marked = 0, set[str]()
    for at in range(0, max(1, len(uids)), MARKS_PER_CALL):
        own = uids[at : at + MARKS_PER_CALL]
        answer = await executor.run("mark_requested", [keys.REQUESTED], [since_ms, *own])
        found = MARKED_SALES.named(answer)
        now_ms = found["now_ms"]
        marked.update(uid.decode() for uid in found["uids"])
    return RequestedSales(now_ms, frozenset(marked))
