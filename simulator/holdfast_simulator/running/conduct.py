"""What the buyers of a running sale do, how surely that is known, and draws from it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, sqrt
from random import Random
from typing import Final

import msgspec

from holdfast_simulator.running.arrivals import KnownArrivals, RunningArrivals, measure_arrivals
from holdfast_simulator.running.delays import PRIOR_WEIGHT, Delay, Usual, measure_delay
from holdfast_simulator.running.history import HistoryPoint, Interval
from holdfast_simulator.running.sale import RunningSale
from holdfast_simulator.world import USUAL_GROUPS, Buyers, Duration

USUAL: Final = Buyers()
USUAL_UNITS: Final = sum(size * weight for size, weight in USUAL_GROUPS.items()) / sum(
    USUAL_GROUPS.values()
)
"""of an order"""
UNITS_DEVIATION: Final = 1.2
COMING_SECONDS: Final = 300.0
"""which share of the called comes, and what people want, is taken from so long before now"""
HALVINGS: Final = 40
TILT_MOST: Final = 8.0


@dataclass(frozen=True, slots=True)
class Conduct:
    """What buyers do from now on; who has lost patience is, in `buyers`, one who does not come."""

    buyers: Buyers
    arrivals: RunningArrivals

    def faster(self, pace: int) -> Conduct:
        """The same where time goes so many times as fast."""
        look, pay = (
            Duration(one.mean / pace, one.spread)
            for one in (self.buyers.look_seconds, self.buyers.pay_seconds)
        )
        buyers = msgspec.structs.replace(self.buyers, look_seconds=look, pay_seconds=pay)
        return Conduct(buyers, self.arrivals.faster(pace))


@dataclass(frozen=True, slots=True)
class KnownConduct:
    """What is known of each share: how often it was seen that people did, and that they did not."""

    come: tuple[float, float]
    hold: Delay
    pay: Delay
    release: tuple[float, float]
    end_pass: tuple[float, float]
    units: float
    units_deviation: float
    most_units: int
    taste: Mapping[str, float]
    arrivals: KnownArrivals

    @property
    def come_share(self) -> float:
        """About which share of the called comes."""
        return self.come[0] / sum(self.come)

    @property
    def most_likely(self) -> tuple[Usual, Usual]:
        """How many of those admitted hold, and of those who hold pay, and how long that takes."""
        return self.hold.most_likely, self.pay.most_likely

    def draw(self, random: Random) -> Conduct:
        """Draws one of the ways in which they may act."""
        hold, pay = self.hold.draw(random), self.pay.draw(random)
        release = min(1 - pay.share, _share(self.release, random))
        units = random.gauss(self.units, self.units_deviation)
        return Conduct(
            Buyers(
                group_sizes=sizes_of(units, self.most_units),
                taste=dict(self.taste),
                leaves=0.0,
                no_show=1 - _share(self.come, random),
                looks_only=1 - hold.share,
                lapses=1 - pay.share - release,
                releases=release / (pay.share + release),
                ends_pass=_share(self.end_pass, random),
                look_seconds=Duration(hold.seconds),
                pay_seconds=Duration(pay.seconds),
            ),
            self.arrivals.draw(random),
        )


def measure_conduct(
    sale: RunningSale, points: Sequence[HistoryPoint], intervals: Sequence[Interval], units: float
) -> Generator[None, None, KnownConduct]:
    """What is known from a history whose last point is now; yields between bits of work."""
    admitted = [one.admitted for one in intervals]
    holders = [one.holders for one in intervals]
    confirmed = [one.confirmed for one in intervals]
    usual_pay = (1 - USUAL.lapses) * (1 - USUAL.releases)
    newest = points[-1] if points else None
    release = _released(sale, newest, units)
    hold = yield from measure_delay(
        intervals, admitted, holders, Usual(1 - USUAL.looks_only, USUAL.look_seconds.mean)
    )
    pay = yield from measure_delay(
        intervals, holders, confirmed, Usual(usual_pay, USUAL.pay_seconds.mean)
    )
    orders = newest.confirmed if newest else 0
    late = [one for one in intervals if one.begun <= COMING_SECONDS]
    called, came = sum(one.called for one in late), sum(one.admitted for one in late)
    return KnownConduct(
        come=_seen(came, max(called, came), sale.share),
        hold=hold,
        pay=pay,
        release=release,
        end_pass=_ended(sale, intervals, (hold.most_likely, pay.most_likely), release, units),
        units=units,
        units_deviation=UNITS_DEVIATION / sqrt(orders + 1),
        most_units=sale.max_units,
        taste=_taste(sale, points),
        arrivals=measure_arrivals(_since_opening(intervals)),
    )


def units_an_order(points: Sequence[HistoryPoint]) -> float:
    """The mean units of all orders so far."""
    if not points or not points[-1].confirmed:
        return USUAL_UNITS
    return max(1.0, points[-1].booked / points[-1].confirmed)


def sizes_of(mean: float, most: int) -> dict[int, float]:
    """Sizes of groups as they usually are, tilted towards small or large ones to have this mean."""
    sizes = range(1, min(most, max(6, round(2 * mean))) + 1)
    low, high = -TILT_MOST, TILT_MOST
    weights: dict[int, float] = {}
    for _ in range(HALVINGS):
        tilt = (low + high) / 2
        weights = {size: USUAL_GROUPS.get(size, 1) * exp(tilt * (size - mean)) for size in sizes}
        total = sum(weights.values())
        heavy = sum(size * weight for size, weight in weights.items()) > mean * total
        low, high = (low, tilt) if heavy else (tilt, high)
    return weights


def _share(seen: tuple[float, float], random: Random) -> float:
    return random.betavariate(*seen)


def _seen(did: float, could: float, usual: float) -> tuple[float, float]:
    """How often something was seen and not seen, with what is usual as a few times more."""
    usual = min(0.99, max(0.01, usual))
    return did + PRIOR_WEIGHT * usual, max(0.0, could - did) + PRIOR_WEIGHT * (1 - usual)


def _released(sale: RunningSale, newest: HistoryPoint | None, units: float) -> tuple[float, float]:
    """What has neither been bought nor has run out, and is not held any more, was given back."""
    usual = (1 - USUAL.lapses) * USUAL.releases
    if newest is None:
        return _seen(0, 0, usual)
    ended = newest.held_once - sale.held / units
    released = min(ended, max(0.0, ended - newest.confirmed - sale.lapsed_holds))
    return _seen(max(0.0, released), max(0.0, ended), usual)


def _ended(
    sale: RunningSale,
    intervals: Sequence[Interval],
    most_likely: tuple[Usual, Usual],
    release: tuple[float, float],
    units: float,
) -> tuple[float, float]:
    """Of those who were done: who is not inside any more although the session would have lasted.

    Whoever lets a hold run out does not end the session, and who has held nothing is sent out where
    slots are short.
    """
    hold, pay = most_likely
    first_hold_s, session_s = sale.terms.first_hold_ms / 1000, sale.terms.session_ms / 1000
    done = 0.0 if sale.slots_are_short else sum(
        one.admitted * (1 - hold.share) for one in intervals
        if first_hold_s < one.middle < session_s
    )  # fmt: skip
    paid_s = sale.hold_max_ms / 1000 - pay.seconds
    done += sum(one.confirmed for one in intervals if one.middle < paid_s)
    lapses = max(0.0, 1 - pay.share - release[0] / sum(release))
    lapsed = lapses * sum(
        one.holders for one in intervals if sale.hold_ms / 1000 < one.middle < session_s
    )
    idle = max(0.0, sale.active - sale.unheld - sale.held / units - lapsed)
    return _seen(max(0.0, done - idle), done, USUAL.ends_pass)


def _since_opening(intervals: Sequence[Interval]) -> Sequence[Interval]:
    """The intervals after the opening: until then more and more join, and fewer after it."""
    opened = next((at for at, one in enumerate(intervals) if one.called), 0)
    return intervals[opened + 1 :] if opened else intervals


def _taste(sale: RunningSale, points: Sequence[HistoryPoint]) -> dict[str, float]:
    """Of each category that there is, the units that went lately; empty where none did."""
    since_ms = points[-1].at_ms - COMING_SECONDS * 1000 if points else 0
    taste = dict.fromkeys((name for name, n in sale.free_of.items() if n + sale.held_of[name]), 0.0)
    for before, after in pairwise([one for one in points if one.at_ms >= since_ms]):
        for name in taste:
            gone = before.free_by_category.get(name, 0) - after.free_by_category.get(name, 0)
            taste[name] += max(0, gone)
    return taste if sum(taste.values()) else {}
