"""A promise of a sale, and what was found against it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

FINDINGS_MAX: Final = 20
"""that a check keeps in words; it counts all of them"""


class CheckState(StrEnum):
    """How a check ended."""

    HELD = "held"
    BROKEN = "broken"
    NOT_CHECKED = "not_checked"


class Check(msgspec.Struct):
    """A promise, how many things were examined for it, and what breaks it.

    `name` is stable, for programs and for words in other languages. `reason` says why nothing can
    be told; without it the check holds until something is found.
    """

    name: str
    promise: str
    state: CheckState = CheckState.HELD
    examined: int = 0
    broken: int = 0
    findings: list[str] = []
    reason: str = ""

    def find(self, finding: str) -> None:
        """Notes that the promise is broken."""
        self.broken += 1
        self.state = CheckState.BROKEN
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)

    def skip(self, reason: str) -> None:
        """Notes that nothing can be told; what has been found stays found."""
        if self.state is CheckState.HELD:
            self.state, self.reason = CheckState.NOT_CHECKED, reason


def overall(checks: Iterable[Check]) -> CheckState:
    """Broken if one is broken; not checked if nothing was."""
    states = {check.state for check in checks}
    if CheckState.BROKEN in states:
        return CheckState.BROKEN
    return CheckState.HELD if CheckState.HELD in states else CheckState.NOT_CHECKED
