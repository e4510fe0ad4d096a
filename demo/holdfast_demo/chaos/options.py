"""What the command line says of the blows."""

from dataclasses import dataclass
from typing import Final

RECOVERY_SECONDS: Final = 10.0
BLOW_NAMES: Final = ("store files", "wipe", "workers", "ledger", "disk", "clock", "flood")
"""of run.BLOWS, for a command line that does not import them"""


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """Which blows, their order and moments, and how long people may be kept from buying."""

    names: tuple[str, ...] = BLOW_NAMES
    seed: int = 1
    recovery_seconds: float = RECOVERY_SECONDS
