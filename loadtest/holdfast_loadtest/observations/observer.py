"""What the users of one worker tell: where their visitors stand, and what they were promised.

A call costs a few dictionary operations and sends nothing but full batches; `flush` is for a timer.
Visitors are known by their index over all workers, from `arrived` to `ended`; in between one small
record is kept for each, nothing afterwards. Moments are read from the observer's own clock, which
processes of one machine share.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from holdfast_loadtest.audit.journal import Complaint, Entry, Joined
from holdfast_loadtest.crowd.observing import VisitObserver
from holdfast_loadtest.crowd.tally import VisitorState
from holdfast_loadtest.observations.batches import MAX_RECEIPTS, Batch, encode_batch
from holdfast_loadtest.observations.figures import Figures, Stage

Clock = Callable[[], float]
MAX_COMPLAINTS: Final = 1_000
"""by one worker; what was promised has no such bound"""

ENDS: Final = {
    VisitorState.QUIT.value: Stage.LEFT,
    VisitorState.NO_SHOW.value: Stage.LEFT,
    VisitorState.LEFT.value: Stage.LEFT,
    VisitorState.LAPSED.value: Stage.LEFT,
    VisitorState.EMPTY_HANDED.value: Stage.EMPTY_HANDED,
    VisitorState.SOLD_OUT.value: Stage.EMPTY_HANDED,
    VisitorState.TURNED_AWAY.value: Stage.EMPTY_HANDED,
}
"""which ends without an order count as what; the others are neither"""
READINGS: Final = 10
"""of both clocks; the quickest counts, since a process may stand still between the two"""


def steady_clock() -> Clock:
    """Seconds since 1970 that never jump: processes of one machine agree to microseconds."""
    _, began = min(_read_both_clocks() for _ in range(READINGS))
    return lambda: began + time.monotonic()


def _read_both_clocks() -> tuple[float, float]:
    """How long it took to read both, and how far apart they are, to half of that."""
    before = time.monotonic()
    wall = time.time()
    after = time.monotonic()
    return after - before, wall - (before + after) / 2


@dataclass(slots=True)
class _Visit:
    """How one visitor stands: what has been counted, and what has begun and not ended."""

    counted: set[Stage] = field(default_factory=set)
    waits_since: float | None = None
    estimate: float | None = None
    estimate_at: float = 0.0
    has_polled: bool = False
    is_waiting: bool = False
    is_inside: bool = False
    is_holding: bool = False


class Observer(VisitObserver):
    """The observations of one worker in one run.

    `send` takes an encoded batch and must not lose it silently: what it raises, the caller of the
    observer gets. `clock` names the clock that `now` reads, which processes of one machine share.
    """

    def __init__(
        self,
        run: str,
        worker: str,
        send: Callable[[bytes], None],
        *,
        clock: str | None = None,
        now: Clock | None = None,
    ) -> None:
        self.now = steady_clock() if now is None else now
        self.opens_at: float | None = None
        """the opening of a sale with a lobby, from which its visitors' waits are counted"""
        self._run = run
        self._worker = worker
        self._send = send
        self._clock = socket.gethostname() if clock is None else clock
        self._visits: dict[int, _Visit] = {}
        self._receipts: list[Entry] = []
        self._figures = Figures()
        self._batches = 0
        self._receipts_sent = 0
        self._complaints = 0
        self._is_over = False

    @property
    def visits(self) -> int:
        """How many visitors have arrived and not ended."""
        return len(self._visits)

    def arrived(self, person: int) -> None:
        self._once(person, Stage.ARRIVED)

    def joined(self, person: int, number: int | None) -> None:
        """Counts a join; who joins again, after a call that lapsed, waits again."""
        self._once(person, Stage.JOINED)
        visit, now = self._visits[person], self.now()
        if not visit.is_waiting:
            self._figures.count(Stage.QUEUED, now)
        visit.waits_since, visit.estimate = now, None
        visit.is_waiting, visit.has_polled = True, False

    def estimated(self, person: int, seconds: float) -> None:
        """Notes the first estimate of a wait."""
        visit = self._visit(person)
        if visit.estimate is None:
            visit.estimate, visit.estimate_at = seconds, self.now()

    def polled(self, person: int, ahead: int | None) -> None:
        self._visit(person).has_polled = True
        self._figures.count(Stage.POLLED, self.now())

    def called(self, person: int) -> None:
        """The wait has ended."""
        visit, now = self._visit(person), self.now()
        if not visit.is_waiting:
            return
        self._dequeue(visit, now)
        self._once(person, Stage.CALLED)
        shown_at = max(visit.estimate_at, self._opening)
        self._figures.waited(self._wait(visit, now), visit.estimate, now - shown_at)

    def admitted(self, person: int) -> None:
        self.called(person)
        visit, now = self._visit(person), self.now()
        if not visit.is_inside:
            self._figures.count(Stage.ENTERED, now)
            self._figures.admission_waits.add(self._wait(visit, now))
        visit.is_inside = True
        self._once(person, Stage.ADMITTED)
        if visit.has_polled:
            self._once(person, Stage.WAITED)

    def held(self, person: int) -> None:
        self._once(person, Stage.HELD)
        visit = self._visits[person]
        if not visit.is_holding:
            self._figures.count(Stage.HOLDING, self.now())
        visit.is_holding = True

    def paying(self, person: int) -> None:
        self._once(person, Stage.PAYING)

    def confirmed(self, person: int) -> None:
        self._once(person, Stage.CONFIRMED)
        self._release(self._visits[person])

    def ended(self, person: int, state: str) -> None:
        visit = self._visit(person)
        if Stage.CONFIRMED not in visit.counted and state in ENDS:
            self._once(person, ENDS[state])
        self._release(visit)
        self._dequeue(visit, self.now())
        if visit.is_inside:
            self._figures.count(Stage.EXITED, self.now())
        del self._visits[person]

    def refused(self, step: str, code: str) -> None:
        self._figures.refused(step, code)

    def record(self, entry: Entry) -> None:
        """Keeps an entry for the audit; complaints up to MAX_COMPLAINTS."""
        if isinstance(entry, Complaint):
            self._complaints += 1
            if self._complaints > MAX_COMPLAINTS:
                return
        elif isinstance(entry, Joined):
            entry = msgspec.structs.replace(entry, clock=self._clock)
        self._receipts.append(entry)
        if len(self._receipts) >= MAX_RECEIPTS:
            self.flush()

    def answered(self, step: str, seconds: float, failed: bool) -> None:
        """A request of a step has ended; a refusal that the contract foresees is no failure."""
        self._figures.answered(step, seconds, failed)

    def flush(self) -> None:
        """Sends what has been observed since the last batch; an empty batch is a sign of life."""
        self._send_batch(is_last=False)

    def end(self) -> None:
        """Sends the last batch, by which the master knows how many there must be.

        What is observed afterwards all the same is sent by the next `flush` or `end`.
        """
        if self._receipts or not self._is_over:
            self._send_batch(is_last=True)
        self._is_over = True

    @property
    def _opening(self) -> float:
        return 0.0 if self.opens_at is None else self.opens_at

    def _wait(self, visit: _Visit, now: float) -> float:
        since = now if visit.waits_since is None else visit.waits_since
        return max(0.0, now - max(since, self._opening))

    def _visit(self, person: int) -> _Visit:
        """The record of a visitor; one who was not told to have arrived has arrived now."""
        if person not in self._visits:
            self._visits[person] = _Visit({Stage.ARRIVED})
            self._figures.count(Stage.ARRIVED, self.now())
        return self._visits[person]

    def _once(self, person: int, stage: Stage) -> None:
        """Counts the visitor at a stage of the funnel."""
        visit = self._visit(person)
        if stage not in visit.counted:
            visit.counted.add(stage)
            self._figures.count(stage, self.now())

    def _dequeue(self, visit: _Visit, now: float) -> None:
        if visit.is_waiting:
            self._figures.count(Stage.DEQUEUED, now)
        visit.is_waiting = False

    def _release(self, visit: _Visit) -> None:
        if visit.is_holding:
            self._figures.count(Stage.RELEASED, self.now())
        visit.is_holding = False

    def _send_batch(self, *, is_last: bool) -> None:
        receipts, figures = self._receipts, self._figures
        self._receipts, self._figures = [], Figures()
        self._batches += 1
        before = self._receipts_sent
        self._receipts_sent += len(receipts)
        named = (self._run, self._worker, self._batches)
        self._send(encode_batch(Batch(*named, self.now(), before, receipts, figures, is_last)))
