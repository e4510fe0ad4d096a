"""What is on sale, as a visitor's page knows it: the rows of the plan, the areas, the limits."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Offer:
    """What is on sale, as a visitor's page knows it."""

    rows: list[list[str]] = field(default_factory=list)
    areas: tuple[str, ...] = ()
    units_per_buyer: int = 6
    hold_seconds: float = 1800.0

    def __post_init__(self) -> None:
        self.guids: list[str] = [guid for row in self.rows for guid in row]

    @property
    def seats(self) -> int:
        return len(self.guids)
