"""What people of the crowd tell about their visit, as it happens.

A person is known by the index of their profile. An observer must be quick, since it is called
between two requests, and reads the time from a clock of its own.
"""

from __future__ import annotations


class VisitObserver:
    """Is told, and does nothing; observers that do something derive from it."""

    def arrived(self, person: int) -> None:
        """Comes to the waiting room."""

    def joined(self, person: int, number: int | None) -> None:
        """Has a place; `number` is None in a lobby. A person may join again."""

    def polled(self, person: int, ahead: int | None) -> None:
        """Has looked, and has to wait on; `ahead` is None in a lobby."""

    def estimated(self, person: int, seconds: float) -> None:
        """Is told within which time half of those who are told so are called."""

    def called(self, person: int) -> None:
        """Sees that it is their turn."""

    def admitted(self, person: int) -> None:
        """Notes that the person has a pass."""

    def held(self, person: int) -> None:
        """Holds units."""

    def paying(self, person: int) -> None:
        """Notes that the person is about to be charged."""

    def confirmed(self, person: int) -> None:
        """Was answered that the order is confirmed."""

    def refused(self, step: str, code: str) -> None:
        """A request was refused, with the code of its problem document."""

    def ended(self, person: int, state: str) -> None:
        """Goes home; `state` is the value of a `VisitorState`."""
