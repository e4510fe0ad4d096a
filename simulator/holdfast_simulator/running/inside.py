"""Who is inside a running sale, and since when: drawn so that the counts are those of the sale.

The history says how many were admitted, and how many began to hold something, at which time; what
buyers do says how many of them still do what they did then. So the time since then is drawn from
both, and how long it still takes under the condition that it has taken so long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random

from holdfast_simulator.running.delays import seconds_left, share_within
from holdfast_simulator.running.history import Interval
from holdfast_simulator.running.sale import RunningSale
from holdfast_simulator.shopping import LEAVE, PAY, RELEASE, TRY
from holdfast_simulator.world import Buyers


@dataclass(frozen=True, slots=True)
class InsideHold:
    """Units that somebody has had for some time."""

    category: str
    units: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class InsideVisitor:
    """Somebody who is inside: how long the session lasts, and what they do next, if anything.

    `first_hold_ms` is how long they have for their first hold, 0 once they have made it. Somebody
    who holds by the shop's key has no session.
    """

    session_ms: int = 0
    first_hold_ms: int = 0
    hold: InsideHold | None = None
    acts_ms: int = 0
    what: int | None = None


def draw_inside(
    sale: RunningSale, intervals: Sequence[Interval], buyers: Buyers, random: Random
) -> Iterator[InsideVisitor]:
    """As many as the sale says of each kind, in no order. More hold than there are sessions for
    where some hold by the shop's key.
    """
    draws = _Draws(sale, intervals, buyers, random)
    looking = min(sale.unheld, sale.active)
    for _ in range(looking):
        yield draws.looking()
    sessions = sale.active - looking
    for visitor in draws.holding():
        yield visitor if sessions > 0 else replace(visitor, session_ms=0)
        sessions -= 1
    for _ in range(sessions):
        yield draws.idle()


class _Draws:
    """Draws visitors of each kind."""

    def __init__(
        self, sale: RunningSale, intervals: Sequence[Interval], buyers: Buyers, random: Random
    ) -> None:
        self._sale, self._buyers, self._random = sale, buyers, random
        self._look, self._pay = buyers.look_seconds.mean, buyers.pay_seconds.mean
        self._hold_s, self._session_s = sale.hold_ms / 1000, sale.terms.session_ms / 1000
        self._sizes = list(buyers.group_sizes)
        self._weights = list(accumulate(buyers.group_sizes.values()))
        self._since_look = _Ages(
            [(one, one.admitted * sum(self._looking_shares(one.middle))) for one in intervals],
            min(self._session_s, sale.terms.first_hold_ms / 1000), random,
        )  # fmt: skip
        self._since_hold = _Ages(
            [(one, one.holders * sum(self._holding_shares(one.middle))) for one in intervals],
            self._hold_s, random,
        )  # fmt: skip
        self._since_done = _Ages(
            [(one, self._done_without_order(one)) for one in intervals], self._session_s, random
        )
        self._since_paid = _Ages(
            [(one, one.confirmed * (1 - buyers.ends_pass)) for one in intervals],
            max(1.0, sale.hold_max_ms / 1000 - self._pay), random,
        )  # fmt: skip

    def _looking_shares(self, age: float) -> tuple[float, float, float]:
        """The shares of those admitted so long ago that will hold, will not, or stay idle."""
        buyers, looked = self._buyers, share_within(age, self._look)
        none = buyers.looks_only
        return (
            (1 - none) * (1 - looked),
            none * (1 - looked),
            none * looked * (1 - buyers.ends_pass),
        )

    def _holding_shares(self, age: float) -> tuple[float, float, float]:
        """The shares of those who began to hold so long ago who will pay, give back, or lapse."""
        buyers, done = self._buyers, share_within(age, self._pay)
        could = (1 - buyers.lapses) * (1 - done)
        return could * (1 - buyers.releases), could * buyers.releases, buyers.lapses

    def _done_without_order(self, one: Interval) -> float:
        """How many of those admitted then want nothing any more, bought nothing and are inside.

        Whose hold has run out does not say so.
        """
        buyers = self._buyers
        looked = 0.0 if self._sale.slots_are_short else one.admitted * buyers.looks_only
        released = one.holders * (1 - buyers.lapses) * buyers.releases
        lapsed = one.holders * buyers.lapses if one.middle > self._hold_s else 0.0
        return (looked + released) * (1 - buyers.ends_pass) + lapsed

    def looking(self) -> InsideVisitor:
        """Somebody who has yet to hold something."""
        age = self._since_look.draw()
        what = self._one_of((TRY, LEAVE, None), self._looking_shares(age))
        acts = 0.0 if what is None else seconds_left(age, self._look, self._random)
        terms = self._sale.terms
        session, first = (_left(ms, age) for ms in (terms.session_ms, terms.first_hold_ms))
        return InsideVisitor(session, first, None, round(1000 * acts), what)

    def holding(self) -> Iterator[InsideVisitor]:
        """All who hold something: of each category what is held of it."""
        for category, held in self._sale.held_of.items():
            left = held
            while left > 0:
                size = min(left, self._random.choices(self._sizes, cum_weights=self._weights)[0])
                left -= size
                age = self._since_hold.draw()
                what = self._one_of((PAY, RELEASE, None), self._holding_shares(age))
                acts = 0.0 if what is None else seconds_left(age, self._pay, self._random)
                hold = InsideHold(category, size, round(1000 * age))
                session = _left(self._sale.hold_ms, age)
                yield InsideVisitor(session, 0, hold, round(1000 * acts), what)

    def idle(self) -> InsideVisitor:
        """Somebody who wants nothing any more and has not said so."""
        kinds = (self._since_done, self._since_paid)
        weights = [max(kind.weight, 1e-9) for kind in kinds]
        (kind,) = self._random.choices(kinds, weights)
        return InsideVisitor(max(1, round(1000 * (kind.limit - kind.draw()))))

    def _one_of(self, kinds: Sequence[int | None], shares: Sequence[float]) -> int | None:
        if not sum(shares) > 0:
            return kinds[0]
        return self._random.choices(kinds, shares)[0]


class _Ages:
    """Draws how long ago something began, by weights of intervals, no longer ago than a limit."""

    def __init__(
        self, weights: Sequence[tuple[Interval, float]], limit: float, random: Random
    ) -> None:
        kept = [(one, weight) for one, weight in weights if one.ended < limit]
        self.limit, self._random = limit, random
        self._intervals = [one for one, _ in kept]
        self._weights = list(accumulate(weight for _, weight in kept))
        self.weight = self._weights[-1] if kept else 0.0

    def draw(self) -> float:
        """Draws seconds."""
        begun, ended = self.limit, 0.0
        if self.weight > 0:
            (one,) = self._random.choices(self._intervals, cum_weights=self._weights)
            begun, ended = min(begun, one.begun), one.ended
        return self._random.uniform(ended, begun)


def _left(whole_ms: int, age: float) -> int:
    return max(1, whole_ms - round(1000 * age))
