"""The options of `holdfast demo --chaos`."""

from dataclasses import dataclass
from typing import Final

FAULT_NAMES: Final = ("store files", "wipe", "workers", "ledger", "disk", "clock", "flood")
"""of run.FAULTS, for a command line that does not import them"""


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """Which faults to inject, in which order and when, and how long nobody may be able to buy."""

    names: tuple[str, ...] = FAULT_NAMES
    seed: int = 1
    recovery_seconds: float = 10.0
