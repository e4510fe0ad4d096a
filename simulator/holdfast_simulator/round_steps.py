"""Which steps the axes of charts take: round ones, for files and for pages alike."""

from __future__ import annotations

import math
from typing import Final

_ROUND: Final = (1.0, 2.0, 5.0, 10.0)
_DAY: Final = 86_400
_ROUND_SECONDS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(minutes * 60 for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * 3_600 for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28, 91, 364)),
)


def round_step(length: float, most: int) -> float:
    """The least of one, two or five of a power of ten of which `most` cover a positive length."""
    power = 10.0 ** math.floor(math.log10(length / most))
    return next(factor * power for factor in _ROUND if length / (factor * power) <= most)


def round_seconds(length: float, most: int) -> int:
    """The least step of a clock or a calendar of which `most` cover so many seconds; the longest
    where none does.
    """
    return next((step for step in _ROUND_SECONDS if length / step <= most), _ROUND_SECONDS[-1])
