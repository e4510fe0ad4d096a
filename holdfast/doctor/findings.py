"""One line of the report: how bad, what it is about, what was found, what to change."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad: only a problem makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw. `means` says why it matters, `change` what to do; empty when all is well.

    `area` and `check` are stable words for who reads the JSON; `subject` tells servers apart.
    """

    level: Level
    area: str
    check: str
    found: str
    means: str = ""
    change: str = ""
    subject: str = ""

    def as_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class FindingBuilder:
    """Makes findings: `name` is their area in the report, `subject` the server, if several."""

    name: str
    subject: str = ""

    def ok(self, check: str, found: str, means: str = "") -> Finding:
        """As it should be."""
        return Finding(Level.OK, self.name, check, found, means, "", self.subject)

    def warning(self, check: str, found: str, means: str, change: str) -> Finding:
        """Works, and something will be lost or slow on a bad day; or it could not be seen."""
        return Finding(Level.WARNING, self.name, check, found, means, change, self.subject)

    def problem(self, check: str, found: str, means: str, change: str) -> Finding:
        """Nothing should be sold like this."""
        return Finding(Level.PROBLEM, self.name, check, found, means, change, self.subject)
