"""What the master tells each process of a run: the sale, the scenario, and which people are its."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from holdfast_loadtest.scenarios.people import People
from holdfast_loadtest.scenarios.scenario import Scenario

ASSIGNED: Final = "holdfast.assigned"
"""the message from the master to a worker that carries an `Assignment`"""
DONE: Final = "holdfast.done"
"""the message from a worker to the master: all of its people have gone home"""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One process's part of a run: of the people those with index `process`, `process + of`, ..."""

    run: str
    sale: str
    url: str
    shop_url: str | None
    scenario: Scenario
    arrivals: list[float] | None = None
    """of everybody, where they come from a file; see `portable`"""
    process: int
    of: int
    opens_in_seconds: float
    """from when this is read; how long a message is on its way is not counted"""

    def to_message(self) -> dict[str, Any]:
        table: dict[str, Any] = msgspec.to_builtins(self, str_keys=True)
        return table


def portable(scenario: Scenario, people: People) -> tuple[Scenario, list[float] | None]:
    """The scenario for machines that have none of its files, and the arrivals if one had them."""
    sale = scenario.sale
    seats = {name: units for name, units in sale.stock().items() if name not in sale.areas}
    sale = msgspec.structs.replace(sale, plan=None, seats=seats)
    recorded = scenario.arrivals.shape == "recorded"
    return (
        msgspec.structs.replace(scenario, sale=sale),
        list(people.arrivals) if recorded else None,
    )


def read_assignment(message: object) -> Assignment:
    return msgspec.convert(message, Assignment, str_keys=True)
