"""The settings of a sale's inventory, with their bounds already checked.

The face makes them from the sale's specification; the inventory never reads a request that sets
them. Areas keep the order in which the sale lists them: in the store an area is named by its index.
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
    """who may buy its units, as for an allotment; empty: everybody"""


@dataclass(frozen=True, slots=True)
class Allotment:
    """Seats set aside for buyers with the channel: by guid, or whole zones by id or name."""

    channel: str
    seats: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InventorySettings:
    """The inventory's settings of a sale. Prices are integer minor units by category."""

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
    """Channels that all visitors in line count as having: what is set aside for them is
    the line's.
    """

    test: bool = False
    """Whether nothing of it is really sold: its orders and events say so."""

    def withheld(self, channel: str, carried: Set[str] = frozenset()) -> bool:
        """Whether what is set aside for `channel` is kept from a buyer with the channels
        `carried`.
        """
        return channel != "" and channel not in self.released and channel not in carried

    @property
    def sets_aside(self) -> bool:
        """Whether anything is, or was, set aside."""
        return bool(self.allotments) or any(area.channel for area in self.areas)

    def withheld_from_line(self, channel: str) -> bool:
        """Whether what is set aside for `channel` is kept from the visitors in line."""
        return self.withheld(channel, self.line_channels)

    def price(self, category: str) -> int:
        """What a unit of the category costs."""
        return self.prices.get(category, 0)
