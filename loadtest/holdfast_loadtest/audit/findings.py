"""The outcome of a check: the promise, how much was looked at, and what was found broken.

Of the findings of a check the first few are kept, and all are counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_KEPT: Final = 10


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    promise: str
    examined: str
    findings: tuple[str, ...] = ()
    broken: int = 0

    @property
    def held(self) -> bool:
        return self.broken == 0


def concluded(promise: str, examined: str, findings: Iterable[str]) -> Check:
    """The check's outcome, with the first findings and the count of all."""
    kept: list[str] = []
    count = 0
    for finding in findings:
        count += 1
        if len(kept) < MAX_KEPT:
            kept.append(finding)
    return Check(promise, examined, tuple(kept), count)
