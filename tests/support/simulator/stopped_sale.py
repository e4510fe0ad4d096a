"""A simulated sale, stopped on its way: what the service would know of it, and how it ends."""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

from holdfast_simulator.rules.stock import PAYING
from holdfast_simulator.running.sale import RunningSale
from holdfast_simulator.simulation import Simulation
from holdfast_simulator.world import World, parse_world

T = TypeVar("T")
POINT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class PastPoint:
    """What the recorder notes of a simulated sale every POINT_SECONDS."""

    at_ms: int
    joined: int
    called: int
    admitted: int
    held_once: int
    confirmed: int
    held: int
    booked: int
    free_by_category: dict[str, int] = field(default_factory=dict)


class StoppedSale(Simulation):
    """`run_until` a moment, look at `running` and `points`, then `run` to the end."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.points: list[PastPoint] = []
        self.waited_ms: int | None = None
        self._target = inf

    def run_until(self, booked_share: float) -> bool:
        """Until this share is sold; False where the sale is over before it."""
        total = sum(self.world.sale.stock().values())
        self._target = booked_share * total
        self.run()
        self._target = inf
        return not super()._over()

    def _over(self) -> bool:
        return self.stock.booked >= self._target or super()._over()

    def _step(self) -> None:
        super()._step()
        if self.line.waiting:
            self.waited_ms = None
        elif self.waited_ms is None:
            self.waited_ms = self.now_ms

    def _second(self) -> None:
        super()._second()
        if self.now_ms % (1000 * POINT_SECONDS) == 0:
            self.points.append(self.point())

    def point(self) -> PastPoint:
        """As it stands now."""
        count, line, stock = self.recording.counts.get, self.line, self.stock
        return PastPoint(
            at_ms=self.now_ms,
            joined=line.issued,
            called=line.called,
            admitted=line.admitted,
            held_once=count("held", 0),
            confirmed=count("confirmed", 0),
            held=stock.held,
            booked=stock.booked,
            free_by_category=dict(stock.free_of),
        )

    def all_points(self) -> list[PastPoint]:
        """The history up to now."""
        return [*self.points, self.point()]

    def seconds_to_sold_out(self) -> float:
        """Holds the rest; from now until everything is sold."""
        now_ms = self.now_ms
        self.run()
        return inf if self.sold_out_ms is None else (self.sold_out_ms - now_ms) / 1000

    def running(self) -> RunningSale:
        """By what the status document of the service has."""
        line, stock, now_ms = self.line, self.stock, self.now_ms
        held = Counter(dict.fromkeys(stock.free_of, 0))
        for hold in stock.holds.values():
            if hold.status <= PAYING:
                held[hold.category] += hold.units
        return RunningSale(
            terms=line.terms,
            hold_ms=stock.hold_ms,
            hold_max_ms=stock.hold_max_ms,
            max_units=self.world.sale.max_units_per_buyer,
            free_of=dict(stock.free_of),
            held_of=dict(held),
            booked=stock.booked,
            waiting=line.waiting,
            outstanding=line.outstanding,
            deferred=len(line.deferred),
            active=line.active.count(now_ms),
            unheld=line.unheld.count(now_ms),
            lapsed_holds=stock.expired,
            share=line.share,
            stays=line.stays.ended,
            stays_ms=line.stays.total_ms,
        )


def finish(work: Generator[None, None, T]) -> T:
    """What it comes to, without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result


def small_world(seed: int, **sale: Any) -> World:
    """Some hundred people want more than there is, a few of them a second."""
    settings = {
        "areas": {"floor": 220, "balcony": 80},
        "new_users_per_minute": 120,
        "burst": 10,
        "hold_seconds": 240,
        "total_active_users": 400,
    }
    arrivals = {"shape": "lobby", "visitors": 900, "seconds": 300, "lobby_seconds": 60}
    return parse_world({"arrivals": arrivals, "sale": {**settings, **sale}, "seed": seed}, World)
