"""A simulation that begins where a running sale stands.

Visitors are numbered anew: those inside first, then the called, then who waits, then who is yet to
come. Whoever is inside is let in again and holds again, at the moments at which they did.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from holdfast_simulator.agenda import CLAIM
from holdfast_simulator.arrivals import Arrivals
from holdfast_simulator.crowd import ORIGIN_MS
from holdfast_simulator.rules.constants import TICK_MS, TOKEN
from holdfast_simulator.running.conduct import Conduct
from holdfast_simulator.running.inside import InsideVisitor
from holdfast_simulator.running.sale import RunningSale
from holdfast_simulator.simulation import Simulation
from holdfast_simulator.world import SaleWorld, World

SECOND_MS: Final = 1000
NOTICED_SECONDS: Final = 2
"""until who was called and comes has noticed it"""


@dataclass(frozen=True, slots=True)
class Present:
    """Who is inside, and how many came within the last claim window."""

    inside: Sequence[InsideVisitor]
    came: int = 0


class RunningSimulation(Simulation):
    """The rest of a sale: `begin` it, `step` until it is `over`, then read the result."""

    def __init__(self, sale: RunningSale, conduct: Conduct, seed: int, until_s: float) -> None:
        units = {name: free + sale.held_of[name] for name, free in sale.free_of.items()}
        settings = SaleWorld(areas=units, max_units_per_buyer=sale.max_units)
        # Who comes is set by `begin`.
        nobody = Arrivals(shape="steady", visitors=1)
        super().__init__(
            World(arrivals=nobody, sale=settings, buyers=conduct.buyers, seed=seed), until_s
        )
        self.line_over_ms: int | None = None
        self._second_of = 0

    @property
    def over(self) -> bool:
        """Whether nothing more can happen that is asked for."""
        if self.stock.sold_out or self._over():
            return True
        stopped = bool(self.line.stopped_ms)
        inside = len(self._agenda) > self._agenda.claims
        return stopped and not inside and not self.stock.held

    def seconds_to(self, at_ms: int | None) -> float:
        """Seconds from the beginning; infinite where something has not happened."""
        return inf if at_ms is None else (at_ms - ORIGIN_MS) / 1000

    def step(self) -> None:
        """Makes one step of the line, after what people do until then."""
        # While nothing is free nobody is called, and holds end by the second.
        self.now_ms += TICK_MS if self.stock.free else SECOND_MS
        self._until(self.now_ms)
        self._step()
        if self.now_ms // SECOND_MS != self._second_of:
            self._second_of = self.now_ms // SECOND_MS
            self.shopping.expire(self.now_ms)
        if self.line_over_ms is None and not self.line.waiting:
            self.line_over_ms = self.now_ms

    def begin(
        self, sale: RunningSale, present: Present, times: Sequence[float]
    ) -> Generator[None, None, None]:
        """Puts everybody where they stand; `times` are seconds until others come. Yields between
        bits of work.
        """
        line, stock = self.line, self.stock
        line.terms, stock.hold_ms, stock.hold_max_ms = sale.terms, sale.hold_ms, sale.hold_max_ms
        stock.booked, line.frozen, self._opened = sale.booked, True, True
        line.advanced_ms, line.interval_ms, line.interval_before_ms = ORIGIN_MS, TICK_MS, TICK_MS
        yield from self._let_in(present.inside)
        line.tokens, line.tokens_ms = 0, ORIGIN_MS
        self._call_again(sale, present.came)
        line.issued = line.serving + sale.waiting
        # Where nothing else is short, the rate is, and its bucket is as good as empty.
        slots = line.terms.cap - sale.active
        short = slots > 0 and stock.free > 0 and (sale.waiting or sale.deferred)
        line.tokens = 0 if short else line.terms.burst * TOKEN
        line.share = sale.share
        stays = line.stays
        stays.ended, stays.total_ms = sale.stays, sale.stays_ms
        stays.inside, stays.inside_admitted = sale.active, line.admitted
        stays.inside_ms = ORIGIN_MS
        if sale.stopped:
            line.stopped_ms = ORIGIN_MS
        self._next, self.crowd.opens_ms = line.issued, ORIGIN_MS
        self.crowd.arrive_ms = array("q", [ORIGIN_MS]) * line.issued
        self.crowd.arrive_ms.extend(ORIGIN_MS + ceil(1000 * time) for time in times)

    def _let_in(self, inside: Sequence[InsideVisitor]) -> Generator[None, None, None]:
        """Lets in who is inside, in the order of their holds."""
        line, stock = self.line, self.stock
        for number, visitor in enumerate(
            sorted(inside, key=lambda one: -one.hold.since_ms if one.hold else 0), 1
        ):
            if visitor.session_ms:
                line.active.set(number, ORIGIN_MS + visitor.session_ms)
                line.called += 1
            if visitor.first_hold_ms:
                line.unheld.set(number, ORIGIN_MS + visitor.first_hold_ms)
            if hold := visitor.hold:
                stock.hold(ORIGIN_MS - hold.since_ms, number, hold.category, hold.units)
            if visitor.what is not None:
                self.shopping.resume(ORIGIN_MS + visitor.acts_ms, number, visitor.what)
            yield
        line.serving = len(inside)
        line.claimed = line.admitted = line.called

    def _call_again(self, sale: RunningSale, came: int) -> None:
        """Who was called within a claim window: who came, who did not, who may come any moment."""
        line, random = self.line, self.crowd.random
        seconds = max(NOTICED_SECONDS + 1, sale.terms.claim_ms // 1000)
        missing = sale.outstanding - sale.deferred
        young = min(missing, ceil((came + missing) * NOTICED_SECONDS / seconds))
        before = seconds - NOTICED_SECONDS
        settled, ended = came + missing - young, 0
        for second in range(1, before + 1):
            begun, ended = ended, settled * second // before
            share = came / settled if settled else 0.0
            self._range(ended - begun, seconds - second, int(ended * share) - int(begun * share))
        line.claimed += came
        first = self._range(sale.deferred, NOTICED_SECONDS - 1)
        for number in range(first, first + sale.deferred):
            _, ms = line.claim(ORIGIN_MS, number)
            self._comes(ORIGIN_MS + int(ms * random.random()), number)
        first = self._range(young, 0)
        for number in range(first, first + young):
            if random.random() < sale.share:
                noticed_ms = int(1000 * NOTICED_SECONDS * random.random())
                self._comes(ORIGIN_MS + noticed_ms, number)

    def _range(self, count: int, seconds_ago: int, came: int = 0) -> int:
        """Calls so many numbers together; answers the first."""
        line, first = self.line, self.line.serving + 1
        if count:
            line.serving += count
            line.called += count
            called_ms = ORIGIN_MS - 1000 * seconds_ago
            line.ranges.add(first, line.serving, line.terms.claim_ms, called_ms)
            found = line.ranges.find(first)
            if found is not None:
                found.came += came
        return first

    def _comes(self, at_ms: int, number: int) -> None:
        self._agenda.add(at_ms, number, CLAIM)
