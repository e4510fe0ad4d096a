"""What people of the crowd tell about their visit, as it happens.

A person is known by the index of their profile. `at` and estimates are seconds; `at` is of the
scheduler's clock. An observer must be quick: it is called between two requests.
"""

from __future__ import annotations

from holdfast_loadtest.wire import Item


class VisitObserver:
    """Is told, and does nothing; observers that do something derive from it."""

    def arrived(self, person: int, at: float) -> None:
        """Comes to the waiting room."""

    def joined(self, person: int, number: int | None, at: float) -> None:
        """Has a place; `number` is None in a lobby. A person may join again."""

    def polled(self, person: int, ahead: int | None, revision: int, at: float) -> None:
        """Has looked, and has to wait on; `ahead` is None in a lobby."""

    def estimated(self, person: int, p50_s: float, p90_s: float, at: float) -> None:
        """Is told how long it will take from now on, in one of two and nine of ten cases."""

    def called(self, person: int, at: float) -> None:
        """Sees that it is their turn."""

    def admitted(self, person: int, number: int | None, at: float) -> None:
        """Has a pass."""

    def held(self, person: int, hold: str, units: int, at: float) -> None:
        """Holds units."""

    def paying(self, person: int, hold: str, at: float) -> None:
        """Is about to be charged."""

    def confirmed(self, person: int, hold: str, items: list[Item], amount: int, at: float) -> None:
        """Was answered that the order is confirmed."""

    def refused(self, step: str, code: str) -> None:
        """A request was refused, with the code of its problem document."""

    def ended(self, person: int, state: str, at: float) -> None:
        """Goes home; `state` is the value of a `VisitorState`."""
