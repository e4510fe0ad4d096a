"""Looks names up in the ledger in batches: one query for everybody who asks at about one time.

Anybody can ask for a name that does not exist, as often as they like. So a caller waits for the
next query, which answers all who have asked until it begins, and none begins earlier than
`interval` seconds after the one before. A flood costs a fixed number of queries, a single request
is answered at once, and what was created anywhere before a request is found by it.

A name is kept only while somebody waits for it; when too many wait, further ones are refused.

Rejected: a cache of names that do not exist. It needs a bound of its own, and hides what is created
meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from holdfast_tasks import end_tasks, start_task
from holdfast_web.errors import ErrorCode, HoldfastError

INTERVAL_SECONDS: Final = 0.25
QUERY_NAMES_MAX: Final = 500
"""how many names one query asks for"""
WAITING_MAX: Final = 4 * QUERY_NAMES_MAX
"""how many different names may wait for the next round"""

T = TypeVar("T")
Read = Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]
"""Reads the values of names; a name without one is absent from the answer."""


class BatchedLookup(Generic[T]):
    """Answers from the ledger, a batch of names at a time. Raises what the query raises."""

    def __init__(self, read: Read[T], interval: float = INTERVAL_SECONDS) -> None:
        self._read = read
        self._interval = interval
        self._waiting: dict[str, asyncio.Future[T | None]] = {}
        self._round: asyncio.Task[None] | None = None
        self._next_at = 0.0

    async def find(self, name: str, *, unbounded: bool = False) -> T | None:
        """The value of this name, None when there is none. 503 `overloaded` when too many names
        wait, unless the call is `unbounded`.
        """
        waiting = self._waiting.get(name)
        if waiting is None:
            if len(self._waiting) >= WAITING_MAX and not unbounded:
                raise HoldfastError(ErrorCode.OVERLOADED)
            waiting = self._waiting[name] = asyncio.get_running_loop().create_future()
            # If the caller gives up, nobody else need be told of a fault.
            waiting.add_done_callback(_mark_retrieved)
        if self._round is None:
            self._round = start_task(self._rounds(), name="batched lookup")
        return await asyncio.shield(waiting)

    async def aclose(self) -> None:
        """Ends the round under way and cancels who waits for it."""
        await end_tasks([self._round])

    async def _rounds(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                if (early := self._next_at - loop.time()) > 0:
                    await asyncio.sleep(early)
                asked, self._waiting = self._waiting, {}
                self._next_at = loop.time() + self._interval
                await self._answer(asked)
        finally:
            self._round = None
            for waiting in self._waiting.values():
                waiting.cancel()

    async def _answer(self, asked: Mapping[str, asyncio.Future[T | None]]) -> None:
        names = list(asked)
        try:
            for at in range(0, len(names), QUERY_NAMES_MAX):
                some = names[at : at + QUERY_NAMES_MAX]
                found = await self._read(some)
                for name in some:
                    asked[name].set_result(found.get(name))
        except asyncio.CancelledError:
            for waiting in asked.values():
                waiting.cancel()
            raise
        except BaseException as fault:  # whatever it is, it is for those who asked
            for waiting in asked.values():
                if not waiting.done():
                    waiting.set_exception(fault)


def _mark_retrieved(waiting: asyncio.Future[T | None]) -> None:
    if not waiting.cancelled():
        waiting.exception()
