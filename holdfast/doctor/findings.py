"""Findings: the lines of the doctor's report."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity of a finding; only a problem makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `means` says why it matters, `change` what to do; both may be empty.

    `area` and `check` are stable words for who reads the JSON; `subject` tells servers apart.
    """

    level: Level
    area: str
    check: str
    found: str
    means: str = ""
    change: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class FindingBuilder:
    """Makes findings: `name` is their area in the report, `subject` the server, if several."""

    name: str
    subject: str = ""

    def ok(self, check: str, found: str, means: str = "") -> Finding:
        """A finding without anything to change."""
        return Finding(Level.OK, self.name, check, found, means, "", self.subject)

    def warning(self, check: str, found: str, means: str, change: str) -> Finding:
        """Something that can lose data or time in a failure, or that could not be checked."""
        return Finding(Level.WARNING, self.name, check, found, means, change, self.subject)

    def problem(self, check: str, found: str, means: str, change: str) -> Finding:
        """Something with which nothing should be sold."""
        return Finding(Level.PROBLEM, self.name, check, found, means, change, self.subject)
