"""The profiles of visitors: what each of them does and how fast, drawn from a seed.

Every trait comes from a generator seeded by (seed, index) alone, so the same seed sends the same
people whatever the service answers, and visitor 17 stays the same when the crowd grows. The shares
are chosen to make a sale hard: most arrive in the first moments, one in eight never answers the
call, one in eight lets a hold lapse, some click twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final

LATECOMER_SHARE: Final = 0.12
QUITTER_SHARE: Final = 0.05
NO_SHOW_SHARE: Final = 0.12
BROWSER_SHARE: Final = 0.06
LAPSER_SHARE: Final = 0.12
LATE_PAYER_SHARE: Final = 0.03
UNDECIDED_SHARE: Final = 0.08
DOUBLE_CLICK_SHARE: Final = 0.15
RELOADER_SHARE: Final = 0.10
GREEDY_SHARE: Final = 0.03
TIDY_SHARE: Final = 0.80
HIDDEN_SHARE: Final = 0.10
QUANTITIES: Final = (1, 2, 3, 4, 5, 6)
QUANTITY_WEIGHTS: Final = (22, 45, 10, 15, 3, 5)


class Taste(Enum):
    """How a buyer picks: seats on the map, what the service thinks best, or the standing floor."""

    MAP = "map"
    BEST = "best"
    FLOOR = "floor"


class Ending(Enum):
    """What becomes of a hold."""

    PAYS = "pays"
    LAPSES = "lapses"
    PAYS_LATE = "pays_late"
    RELEASES = "releases"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, so that a demo of minutes and a rehearsal of hours send the same
    people.
    """

    arrival_window_s: float = 25.0
    late_window_s: float = 60.0
    look_s: float = 3.0
    pay_s: float = 5.0
    patience_s: float = 90.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a buyer looks for: so many units, of a category or of any."""

    taste: Taste
    quantity: int
    category: str | None = None
    takes_other: bool = True
    """another category when this one is gone"""
    splits_up: bool = True
    """takes fewer units rather than none"""


@dataclass(frozen=True, slots=True)
class VisitorProfile:
    """One visitor's traits; durations in seconds."""

    index: int
    arrives_s: float
    wish: Wish
    look_s: float
    pay_s: float
    ending: Ending
    quits_line_after_s: float | None
    shows_up: bool
    only_browses: bool
    double_clicks: bool
    reloads: bool
    greedy: bool
    tidy: bool
    hides_the_tab: bool
    poll_jitter: float
    impatient: bool = False
    """polls as fast as a person can reload, and does reload"""


def draw(seed: int, index: int, pace: Pace, units_per_buyer: int = 6) -> VisitorProfile:
    """Visitor `index` of the crowd `seed`."""
    rng = Random(f"{seed}:{index}")  # noqa: S311 - people, not secrets
    quantity = rng.choices(QUANTITIES, QUANTITY_WEIGHTS)[0]
    return VisitorProfile(
        index=index,
        arrives_s=_arrival(rng, pace),
        wish=Wish(
            rng.choices((Taste.MAP, Taste.BEST, Taste.FLOOR), (30, 35, 35))[0],
            min(quantity, units_per_buyer),
        ),
        look_s=_around(rng, pace.look_s),
        pay_s=_around(rng, pace.pay_s),
        ending=_ending(rng),
        quits_line_after_s=_quits(rng, pace),
        shows_up=rng.random() >= NO_SHOW_SHARE,
        only_browses=rng.random() < BROWSER_SHARE,
        double_clicks=rng.random() < DOUBLE_CLICK_SHARE,
        reloads=rng.random() < RELOADER_SHARE,
        greedy=rng.random() < GREEDY_SHARE,
        tidy=rng.random() < TIDY_SHARE,
        hides_the_tab=rng.random() < HIDDEN_SHARE,
        poll_jitter=rng.random(),
    )


def _arrival(rng: Random, pace: Pace) -> float:
    """A spike: most of the crowd comes in the first third, the rest thins out; a few are late."""
    if rng.random() < LATECOMER_SHARE:
        return rng.uniform(0, pace.late_window_s)
    return min(rng.expovariate(3.0 / pace.arrival_window_s), pace.arrival_window_s)


def _around(rng: Random, typical_s: float) -> float:
    """A human duration: never none at all, mostly near the typical, sometimes three times it."""
    return typical_s * min(max(rng.lognormvariate(0.0, 0.5), 0.2), math.pi)


def _ending(rng: Random) -> Ending:
    shares = (LAPSER_SHARE, LATE_PAYER_SHARE, UNDECIDED_SHARE)
    return rng.choices(
        (Ending.LAPSES, Ending.PAYS_LATE, Ending.RELEASES, Ending.PAYS),
        (*shares, 1 - sum(shares)),
    )[0]


def _quits(rng: Random, pace: Pace) -> float | None:
    """After how many seconds in the line a visitor leaves without a word; None for most."""
    if rng.random() >= QUITTER_SHARE:
        return None
    return rng.uniform(0.1, 1.0) * pace.patience_s
