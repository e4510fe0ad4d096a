"""How a sale stands that is under way, in counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor
from typing import Final

from holdfast_simulator.rules.line import PaceTerms

CLAIM_LEAST_MS: Final = 6_000
"""a claim window is not made shorter than three polls, however much faster time goes"""
FULL_SHARE: Final = 0.9
"""of the slots are taken where they are short: the others are for those who are on their way"""


@dataclass(frozen=True, slots=True)
class RunningSale:
    """The settings of a sale, its stock and its line at a moment.

    `unheld` of those `active` have yet to hold something, within the time that they have for it;
    `outstanding` are called and have neither come nor lapsed, `deferred` of them have come and
    found no room. Times are milliseconds.
    """

    terms: PaceTerms
    hold_ms: int
    hold_max_ms: int
    max_units: int
    free_of: Mapping[str, int]
    """units by category"""
    held_of: Mapping[str, int]
    booked: int
    waiting: int = 0
    outstanding: int = 0
    deferred: int = 0
    active: int = 0
    unheld: int = 0
    lapsed_holds: int = 0
    """since the sale began"""
    share: float = 1.0
    """of the called who come, by the line's own measure"""
    stays: float = 0.0
    """sessions that ended while slots were taken for `stays_ms` altogether"""
    stays_ms: int = 0
    joinable: bool = True
    stopped: bool = False
    """nobody is called or admitted"""
    ends_ms: int | None = None
    """until the sale ends; None for no end"""

    @property
    def free(self) -> int:
        """Units of all categories."""
        return sum(self.free_of.values())

    @property
    def held(self) -> int:
        """Units of all categories."""
        return sum(self.held_of.values())

    @property
    def slots_are_short(self) -> bool:
        """Whether those who wait take the slots of whoever has not held anything in time."""
        return self.waiting > 0 and self.active >= FULL_SHARE * self.terms.cap


def scaled(sale: RunningSale, share: float, pace: int = 1) -> RunningSale:
    """A sale with this share of people, units, rate and slots, in which time goes `pace` times as
    fast. The share may become a little larger, so that the rate is a whole number.
    """
    rate = max(1, round(sale.terms.rate * share * pace))
    share = share if sale.terms.through else rate / (sale.terms.rate * pace)

    def part(amount: int) -> int:
        return floor(amount * share + 0.5)

    terms, stock = sale.terms, (sale.free_of, sale.held_of)
    free_of, held_of = (apportioned(part(sum(of.values())), of) for of in stock)
    return replace(
        sale,
        terms=replace(
            terms,
            rate=rate,
            burst=max(1, part(terms.burst)),
            cap=max(1, part(terms.cap)),
            session_ms=terms.session_ms // pace,
            claim_ms=min(terms.claim_ms, max(CLAIM_LEAST_MS, terms.claim_ms // pace)),
            first_hold_ms=terms.first_hold_ms // pace,
        ),
        hold_ms=sale.hold_ms // pace,
        hold_max_ms=sale.hold_max_ms // pace,
        free_of=free_of,
        held_of=held_of,
        booked=part(sale.booked),
        waiting=part(sale.waiting),
        outstanding=part(sale.outstanding),
        deferred=part(sale.deferred),
        active=part(sale.active),
        unheld=part(sale.unheld),
        stays=sale.stays * share,
        stays_ms=round(sale.stays_ms * share / pace),
        ends_ms=None if sale.ends_ms is None else sale.ends_ms // pace,
    )


def apportioned(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """`total` in proportion to the weights, in whole numbers (largest remainders)."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    exact = {name: total * weight / whole for name, weight in weights.items()}
    parts = {name: floor(amount) for name, amount in exact.items()}
    by_rest = sorted(exact, key=lambda name: parts[name] - exact[name])
    for name in by_rest[: total - sum(parts.values())]:
        parts[name] += 1
    return parts
