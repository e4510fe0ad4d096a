"""What the command line says of the blows."""

from dataclasses import dataclass
from typing import Final

RECOVERY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """Which order and moments, and how long people may be kept from buying."""

    seed: int = 1
    recovery_seconds: float = RECOVERY_SECONDS
