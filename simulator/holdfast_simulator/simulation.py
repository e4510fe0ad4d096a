"""Simulates a sale: the visitors of a world, by the rules of the service.

Discrete events in the order of time: what people do (a heap), who arrives (in order already), and
the steps of the line every TICK_MS, as of one worker. While somebody waits, those who arrive are
only counted, at the next step: they get the same numbers. Nothing is computed for who waits but
the polls, by bands of the line. So a simulation costs some microseconds for each visitor, and more
only for those who are called.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from holdfast_simulator.agenda import CLAIM, Agenda
from holdfast_simulator.costs import measured_costs
from holdfast_simulator.crowd import ORIGIN_MS, SimulatedCrowd
from holdfast_simulator.recording import Recording
from holdfast_simulator.result import SeriesPoint
from holdfast_simulator.rules.constants import TICK_MS
from holdfast_simulator.rules.line import (
    ADMITTED,
    CALL_EXPIRED,
    DEFERRED,
    JOINED_LINE,
    JOINED_LOBBY,
    LINE_STOPPED,
    PaceTerms,
    SimulatedLine,
)
from holdfast_simulator.rules.line_step import advance
from holdfast_simulator.rules.stock import SimulatedStock
from holdfast_simulator.schedule import (
    OWN_VIEW_SECONDS,
    PollSchedule,
    bands,
    expected_waits,
)
from holdfast_simulator.shopping import Shopping
from holdfast_simulator.world import SaleWorld, World

STEPS_PER_SECOND: Final = 1000 // TICK_MS
LONGEST_SECONDS: Final = 7 * 24 * 3600
"""a simulation ends then at the latest"""
People = Callable[[World, Mapping[str, int]], SimulatedCrowd]
Progress = Callable[[float], None]
"""Is told which share of the visitors has been dealt with, once a simulated minute."""


def pace_terms(sale: SaleWorld) -> PaceTerms:
    """The sale's settings as the rules take them."""
    return PaceTerms(
        rate=sale.new_users_per_minute,
        burst=sale.burst,
        cap=sale.total_active_users,
        session_ms=sale.session_duration * 60_000,
        claim_ms=sale.claim_window_seconds * 1000,
        first_hold_ms=sale.first_hold_seconds * 1000,
        stock_permille=round(sale.stock_factor * 1000),
        through=sale.queueing_method == "passthrough",
    )


class Simulation:
    """One run of a world; `run` once, then read `recording`, `line` and `stock`.

    It ends `until_s` after the opening at the latest. `people` makes the crowd.
    """

    def __init__(
        self, world: World, until_s: float = LONGEST_SECONDS, people: People = SimulatedCrowd
    ) -> None:
        units, sale = world.sale.stock(), world.sale
        self.world, self.costs, self._until_s = world, measured_costs(), until_s
        self.crowd = crowd = people(world, units)
        self.stock = SimulatedStock(units, sale.hold_seconds * 1000, sale.hold_max_seconds * 1000)
        times = {"opens_ms": crowd.opens_ms, "prequeue_ms": ORIGIN_MS} if crowd.has_lobby else {}
        self.line = SimulatedLine(pace_terms(sale), self.stock, ORIGIN_MS, **times)
        self.recording = Recording()
        self.schedule = PollSchedule(float(sale.claim_window_seconds))
        self.now_ms = ORIGIN_MS
        self.sold_out_ms: int | None = None
        self._opened = False
        self._next = 0  # of crowd.arrive_ms
        self._agenda = Agenda()
        self.shopping = Shopping(crowd, self.line, self.recording, self._agenda)

    def run(self, progress: Progress | None = None) -> Simulation:
        """Runs until everybody has come, been called and is done, or all is sold."""
        steps = 0
        while not self._over():
            self.now_ms += TICK_MS
            self._until(self.now_ms)
            self._step()
            steps += 1
            if steps % STEPS_PER_SECOND == 0:
                self._second()
            if progress is not None and steps % (60 * STEPS_PER_SECOND) == 0:
                progress(self.dealt_with)
        self._second()
        return self

    @property
    def dealt_with(self) -> float:
        """The share of the visitors who have been called, or turned away."""
        refused = self.recording.counts.get("refused", 0)
        return (self.line.serving + refused) / max(1, len(self.crowd.arrive_ms))

    @property
    def opened_ms(self) -> int:
        """The moment from which the sale is open."""
        return self.crowd.opens_ms

    def _over(self) -> bool:
        if self.now_ms - self.opened_ms >= self._until_s * 1000:
            return True
        if self.stock.sold_out and len(self._agenda) == self._agenda.claims:
            return True  # what is left of the crowd can only be turned away
        come = self._next == len(self.crowd.arrive_ms)
        called = self.line.frozen and not self.line.waiting and not self.line.outstanding
        return come and called and not self._agenda

    # a stretch of time

    def _until(self, tick_ms: int) -> None:
        """What people do up to a moment, in order; at one moment who arrives goes first."""
        agenda, line, arrive_ms = self._agenda, self.line, self.crowd.arrive_ms
        people = len(arrive_ms)
        while True:
            next_ms = agenda.next_ms(tick_ms)
            if line.issued == line.serving and self._next < people:
                comes_ms = arrive_ms[self._next]
                if comes_ms <= next_ms and comes_ms <= tick_ms and line.is_open(comes_ms):
                    self._join(comes_ms, 1)
                    continue
            if next_ms > tick_ms:
                break
            number, what = agenda.take()
            if what == CLAIM:
                self._claim(next_ms, number)
            else:
                self.shopping.act(next_ms, number, what)
        # While somebody waits nobody goes straight in: they are counted together.
        together = bisect_right(arrive_ms, tick_ms, lo=self._next) - self._next
        if together:
            self._join(tick_ms, together)

    def _step(self) -> None:
        line, called = self.line, self.line.serving
        advance(line, self.now_ms)
        if line.frozen and not self._opened:
            self._opened = True
            self.crowd.open_lobby(line.lobby)
        if line.serving > called:
            self._call(called + 1, line.serving)
        self.recording.inside(line.active.count(self.now_ms))
        self._sell_out()

    def _sell_out(self) -> None:
        """Notes when the last unit was sold; a hold that lapses cannot undo that."""
        if self.sold_out_ms is None and self.stock.sold_out:
            self.sold_out_ms = self.now_ms

    # people

    def _join(self, now_ms: int, count: int) -> None:
        """`count` visitors arrive; the first of them may go straight in."""
        recording = self.recording
        code, first, admitted = self.line.join(now_ms, count, count if count == 1 else 0)
        self._next += count
        recording.requests["poll"] += count
        recording.requests["join"] += count
        if code not in {JOINED_LINE, JOINED_LOBBY}:
            recording.count("refused", count)
            return
        recording.requests["view"] += count
        for number in range(first, first + admitted):
            recording.waits.append(0.0)
            recording.admission_waits.append(0.0)
            self.shopping.enter(now_ms, number)

    def _call(self, first: int, last: int) -> None:
        """Who notices in time comes to claim."""
        crowd, recording, now_ms = self.crowd, self.recording, self.now_ms
        known = expected_waits(self.line, now_ms).seconds(0) is not None
        for number in range(first, last + 1):
            arrived_ms = crowd.arrived_ms(number)
            here_ms = now_ms - arrived_ms
            if crowd.has_left(number, here_ms):
                recording.count("left")
                continue
            # A wait ends when the page says so, as in a load test.
            noticed_s = self.schedule.until_noticed(known, here_ms / 1000, crowd.random)
            noticed_ms = now_ms + int(1000 * noticed_s)
            waited_ms = noticed_ms - max(crowd.opens_ms, arrived_ms)
            recording.waits.append(max(0, waited_ms) / 1000)
            if crowd.comes_not(number):
                recording.count("no_show")
            else:
                self._agenda.add(noticed_ms, number, CLAIM)

    def _claim(self, now_ms: int, number: int) -> None:
        recording = self.recording
        code, ms = self.line.claim(now_ms, number)
        recording.requests["claim"] += 1
        if code == ADMITTED:
            waited_ms = now_ms - max(self.crowd.opens_ms, self.crowd.arrived_ms(number))
            recording.admission_waits.append(max(0, waited_ms) / 1000)
            self.shopping.enter(now_ms, number)
        elif code in {DEFERRED, LINE_STOPPED}:
            # The page comes again after Retry-After, whole seconds, and up to a fifth more.
            again = max(1, round((ms or 2000) / 1000)) * (1 + 0.2 * self.crowd.random.random())
            self._agenda.add(now_ms + int(1000 * again), number, CLAIM)
        elif code == CALL_EXPIRED:
            recording.count("lapsed")
        else:
            recording.count("sold_out")

    # once a second

    def _second(self) -> None:
        line, stock, recording = self.line, self.stock, self.recording
        self.shopping.expire(self.now_ms)
        self._sell_out()
        polls = self._polls()
        recording.requests["poll"] += polls
        recording.requests["view"] += self._views()
        point = SeriesPoint(
            at_s=(self.now_ms - self.opened_ms) / 1000,
            arrived=self._next,
            waiting=line.waiting,
            called=line.called,
            admitted=line.admitted,
            held=stock.held,
            booked=stock.booked,
        )
        recording.second(point, self.costs)

    def _polls(self) -> float:
        """The polls of all who wait in a second; those who lost patience ask no more."""
        line, crowd = self.line, self.crowd
        if not line.is_open(self.now_ms):
            to_open = (self.opened_ms - self.now_ms) / 1000
            # A page counts down to the opening, and asks within the second after it.
            return line.issued / (1.0 if to_open < 1 else self.schedule.lobby_seconds(to_open))
        waits, mean = expected_waits(line, self.now_ms), self.schedule.mean
        leaves, patience = crowd.buyers.leaves, crowd.buyers.patience_seconds
        polls = 0.0
        for ahead, count in bands(line.waiting):
            middle = ahead + count // 2
            waited = (self.now_ms - crowd.arrived_ms(line.serving + 1 + middle)) / 1000
            # Who has lost patience is not there any more.
            patient = count * (1 - leaves * min(1.0, max(0.0, waited) / patience))
            polls += patient / mean(waits.seconds(middle), middle)
        return polls

    def _views(self) -> float:
        """A page looks at its own place with the first poll after OWN_VIEW_SECONDS."""
        return self.line.waiting / (OWN_VIEW_SECONDS + self.schedule.ceiling / 2)
