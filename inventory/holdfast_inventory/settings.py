"""What a sale says about its stock, as the inventory needs it: bounds checked, units last.

The operator's words are turned into this by whoever reads the sale; the inventory never sees a
request that sets it. Areas keep the order in which the sale lists them: their index is their name
in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum


class LatePayment(StrEnum):
    """What becomes of a payment that arrives after its hold has ended."""

    REACQUIRE_SAME = "reacquire_same"
    REACQUIRE_EQUIVALENT = "reacquire_equivalent"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Area:
    """General admission: units without a seat."""

    id: str
    name: str
    capacity: int
    category: str
    channel: str = ""
    """Who may have its units, as for an allotment; empty: everybody."""


@dataclass(frozen=True, slots=True)
class Allotment:
    """Seats set aside for who carries the channel: by guid, or whole zones by id or name."""

    channel: str
    seats: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InventorySettings:
    """The stock's share of a sale's settings. Prices are integer minor units by category."""

    currency: str = "EUR"
    prices: Mapping[str, int] = field(default_factory=dict)
    areas: tuple[Area, ...] = ()
    hold_ms: int = 1_800_000
    hold_max_ms: int = 3_600_000
    max_units_per_buyer: int = 6
    verify_amount: bool = True
    late_payment: LatePayment = LatePayment.REACQUIRE_SAME
    prevent_orphans: bool = False
    """Whether explicit seats, too, are refused when they would leave a single seat alone."""
    focal_point: tuple[float, float] | None = None
    """In the plan's coordinates; None: where the plan's stage is, see geometry.py."""

    allotments: tuple[Allotment, ...] = ()
    released: frozenset[str] = frozenset()
    """Channels whose allotments are on sale for everybody; they are never taken back."""

    line_channels: frozenset[str] = frozenset()
    """Channels that those in line are taken to carry: what is set aside for them is the line's."""

    def withheld(self, channel: str, carried: Set[str] = frozenset()) -> bool:
        """Whether what is set aside for `channel` is not for who carries these."""
        return channel != "" and channel not in self.released and channel not in carried

    @property
    def sets_aside(self) -> bool:
        """Whether anything is, or was, set aside."""
        return bool(self.allotments) or any(area.channel for area in self.areas)

    def apart(self, channel: str) -> bool:
        """Whether what is set aside for `channel` is not for those in line."""
        return self.withheld(channel, self.line_channels)

    def price(self, category: str) -> int:
        """What a unit of the category costs."""
        return self.prices.get(category, 0)
