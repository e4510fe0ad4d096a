"""A rule as it is declared: what to record, or what to alert on."""

from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final


class Severity(Enum):
    """Whom an alert is for: somebody at once, or somebody in the morning."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True)
class Recording:
    """A series that Prometheus computes from others."""

    name: str
    expression: str


@dataclass(frozen=True)
class Alert:
    """An alert. It fires for each series of `expression` that was there for `lasting`.

    `code` is its name in the service's own documents; `summary` may name labels as
    `{{ $labels.sale }}`.
    """

    severity: Severity
    code: str
    summary: str
    expression: str
    lasting: str = "0s"

    @property
    def name(self) -> str:
        """The name in Prometheus: `line_stalled` is `HoldfastLineStalled`."""
        return "Holdfast" + "".join(word.capitalize() for word in self.code.split("_"))

    @property
    def anchor(self) -> str:
        """The heading of its entry in docs/operations.md."""
        return "alert-" + self.code.replace("_", "-")


critical: Final = partial(Alert, Severity.CRITICAL)
warning: Final = partial(Alert, Severity.WARNING)
