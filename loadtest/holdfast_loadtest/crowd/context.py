"""What the visitors of one crowd share: connection, key of the shop, offer, journal, and retries.

`persist` is the crowd's only retry: it repeats a call that got no answer or was told to come back,
as a page or a shop's server would, so every run relies on idempotency. Each wait is bounded, and so
is the number of repeats.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.calls import LineCalls, ShopCalls
from holdfast_loadtest.client import Answer, Caller, Unreachable
from holdfast_loadtest.crowd.observing import VisitObserver
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.scheduling import AsyncioScheduler, Scheduler
from holdfast_loadtest.crowd.tally import Tally

MAX_ATTEMPTS: Final = 30
FIRST_REPEAT_SECONDS: Final = 0.5
MAX_REPEAT_SECONDS: Final = 4.0
COME_BACK: Final = frozenset({429, 503})

WITHIN_CONTRACT: Final = "every answer is one the contract knows"


class GaveUp(Exception):
    """A call was repeated as often as allowed without a final answer; `was_answered` when at least
    the last one was: come back later.
    """

    def __init__(self, *, was_answered: bool) -> None:
        super().__init__("told to come back" if was_answered else "no answer for very long")
        self.was_answered = was_answered


class CrowdContext:
    """What a visitor of the crowd needs for a visit: calls, offer, tally and journal."""

    def __init__(
        self,
        client: Caller,
        platform_key: str,
        offer: Offer,
        tally: Tally,
        journal: Journal,
        *,
        scheduler: Scheduler | None = None,
        observer: VisitObserver | None = None,
    ) -> None:
        self.client = client
        self.line = LineCalls(client)
        self.shop = ShopCalls(client, platform_key)
        self.offer = offer
        self.tally = tally
        self.journal = journal
        self.scheduler = scheduler or AsyncioScheduler()
        self.observer = observer or VisitObserver()
        self._rng = Random(0)  # noqa: S311 - jitter

    def unexpected(self, operation: str, answer: Answer) -> None:
        """Records an answer that the contract does not foresee here, with what it says."""
        problem = answer.problem()
        told = f"{operation}: {answer.status} {problem.code} {problem.detail}".strip()
        self.journal.complain(WITHIN_CONTRACT, told)

    async def persist(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """The first answer that is not "come back later"."""
        delay, was_answered = FIRST_REPEAT_SECONDS, False
        for _ in range(MAX_ATTEMPTS):
            try:
                answer = await attempt()
            except Unreachable:
                self.tally.count("no answer")
                wait, was_answered = delay, False
            else:
                was_answered = True
                if answer.status not in COME_BACK:
                    return answer
                self.tally.count("told to come back")
                wait = delay if answer.retry_after is None else answer.retry_after
            await self.scheduler.sleep(wait * (1 + 0.5 * self._rng.random()))
            delay = min(delay * 2, MAX_REPEAT_SECONDS)
        raise GaveUp(was_answered=was_answered)
