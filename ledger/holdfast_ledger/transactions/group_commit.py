"""Group commit: intents that arrive during a transaction share the next one.

A commit costs a write to the disk whether it carries one order or two hundred, so the intents of
one event-loop tick, and all that arrive while a transaction is under way, go together. A batch is
about one sale, and about each order once.

When a batch fails, whatever the reason, its intents are redone one by one. So a conflict fails its
own intent alone, a deadlock or a value that the database refuses does not affect the others, and a
COMMIT whose reply was lost is found out: each redo first reads its order under lock, after an
earlier transaction that is still alive, and finds what that has written. When the connection breaks
there too, or after PATIENCE_SECONDS, the ledger counts as unavailable: the rest of the batch and
all waiting intents fail at once, since each of them would fail the same way.

Each caller awaits a future of its own. Cancelling it cancels nothing else, so the transaction that
it shares with others goes on.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from holdfast_ledger.database.database import Database
from holdfast_ledger.errors import LedgerBusy, LedgerUnavailable, Trouble, trouble_of
from holdfast_ledger.transactions.apply import apply_batch, apply_single
from holdfast_ledger.transactions.intents import Intent, Outcome, order_key
from holdfast_tasks import start_task

MAX_WAITING = 10_000
MAX_BATCH = 256
MAX_TRIES = 4
MAX_LOSSES = 2
"""connections lost in a row before the ledger counts as gone"""
PATIENCE_SECONDS = 3.0
"""since the ledger last answered; nothing is retried after it: a lock that SQLite has waited for is
no deadlock"""

_log = logging.getLogger(__name__)

COMMITTED = "committed"

Observer = Callable[[str, int, float], None]
"""called after each transaction with its outcome, its size and its seconds; the outcome is
COMMITTED or the kind of trouble it ran into"""


class _LedgerAway(LedgerUnavailable):
    """The ledger does not answer: the next attempt would fail as well."""


@dataclass(slots=True)
class _Waiting:
    key: tuple[str, str]
    intent: Intent
    answer: asyncio.Future[Outcome]


class GroupCommit:
    """Gathers intents and commits them, in as many transactions at a time as there are lanes."""

    def __init__(self, database: Database, observer: Observer | None = None) -> None:
        self._database = database
        self._observer = observer
        self._lanes = 1 if database.is_sqlite else 2
        self._waiting: deque[_Waiting] = deque()
        self._busy = 0
        self._running: set[asyncio.Task[None]] = set()

    def commit(self, intent: Intent) -> asyncio.Future[Outcome]:
        """Applies the intent; done once that is on disk, or fails with LedgerUnavailable.

        Raises LedgerBusy when MAX_WAITING intents wait.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise LedgerBusy()
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(order_key(intent), intent, answer))
        if self._busy < self._lanes:
            self._busy += 1
            lane = start_task(self._run_lane(), name="commit to the ledger")
            self._running.add(lane)
            lane.add_done_callback(self._running.discard)
        return answer

    async def drain(self) -> None:
        """Waits until no intent is waiting or being committed."""
        while self._running:
            await asyncio.wait(self._running)

    async def _run_lane(self) -> None:
        """Commits batches until nothing waits; a later intent starts a new lane."""
        try:
            while self._waiting:
                batch = self._next_batch()
                try:
                    await self._run_batch(batch)
                finally:
                    # By now all have their answers, unless the lane itself was cancelled.
                    _fail(batch, LedgerUnavailable())
        except asyncio.CancelledError:
            self._give_up(LedgerUnavailable())
            raise
        finally:
            self._busy -= 1

    def _give_up(self, error: LedgerUnavailable) -> None:
        """Fails all waiting intents, so that none waits longer than one batch takes to fail."""
        _fail(self._waiting, error)
        self._waiting.clear()

    def _next_batch(self) -> list[_Waiting]:
        """The oldest intent and the others of its sale, each order once; the rest stay in order."""
        sale_uid = self._waiting[0].key[0]
        batch: dict[tuple[str, str], _Waiting] = {}
        left: deque[_Waiting] = deque()
        while self._waiting and len(batch) < MAX_BATCH:
            entry = self._waiting.popleft()
            if entry.key[0] == sale_uid and entry.key not in batch:
                batch[entry.key] = entry
            else:
                left.append(entry)
        self._waiting.extendleft(reversed(left))
        return list(batch.values())

    async def _run_batch(self, batch: list[_Waiting]) -> None:
        answered = time.monotonic()
        if len(batch) > 1 and await self._try_together(batch):
            return
        for position, entry in enumerate(batch):
            try:
                outcome = await self._redo(entry.intent, answered + PATIENCE_SECONDS)
            except _LedgerAway as error:
                _fail(batch[position:], error)
                self._give_up(error)
                return
            except Exception as error:
                _fail([entry], error)
            else:
                _answer(entry, outcome)
            answered = time.monotonic()

    async def _try_together(self, batch: list[_Waiting]) -> bool:
        intents = [entry.intent for entry in batch]
        sale_uid = batch[0].key[0]
        try:
            with self._timed(len(batch)):
                async with self._database.transaction() as connection:
                    outcomes = await apply_batch(connection, sale_uid, intents)
        except Exception as error:
            # The redo finds out which intent failed, and whether the transaction was committed.
            _log.warning("a batch of %d is redone one by one: %r", len(batch), error)
            return False
        for entry, outcome in zip(batch, outcomes, strict=True):
            _answer(entry, outcome)
        return True

    async def _redo(self, intent: Intent, patient_until: float) -> Outcome:
        sale_uid, losses = order_key(intent)[0], 0
        for _ in range(MAX_TRIES):
            if time.monotonic() > patient_until:
                raise _LedgerAway()
            try:
                with self._timed(1):
                    async with self._database.transaction() as connection:
                        return await apply_single(connection, sale_uid, intent)
            except Exception as error:
                trouble = trouble_of(error)
                losses += trouble is Trouble.GONE
                if trouble is Trouble.BUG:
                    raise
                if losses >= MAX_LOSSES:
                    raise _LedgerAway() from error
        raise LedgerUnavailable("the order is contended; repeat the same request")

    @contextmanager
    def _timed(self, size: int) -> Iterator[None]:
        started, outcome = time.perf_counter(), COMMITTED
        try:
            yield
        except BaseException as error:
            outcome = trouble_of(error).name.lower()
            raise
        finally:
            if self._observer is not None:
                self._observer(outcome, size, time.perf_counter() - started)


def _answer(entry: _Waiting, outcome: Outcome) -> None:
    if not entry.answer.done():
        entry.answer.set_result(outcome)


def _fail(entries: Iterable[_Waiting], error: Exception) -> None:
    for entry in entries:
        if not entry.answer.done():
            entry.answer.set_exception(error)
            entry.answer.exception()  # retrieved: the caller may have gone
