"""A scenario: a world of the simulator, with the kinds of people who come and what must hold.

The tables `arrivals`, `sale`, `buyers` and `seed` mean what they mean to `holdfast simulate`, so
one file predicts a sale and tests it. A scenario is named by its file, or given as a path.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from holdfast_loadtest.report.thresholds import Thresholds
from holdfast_simulator.world import InvalidWorld, Weight, World, read_world

SUFFIX: Final = ".toml"
MAX_DURATION_SECONDS: Final = 24 * 3600.0
WAITED_SHARE: Final = 0.5

PersonKind = Literal[
    "visitor", "buyer", "abandoner", "refresher", "watcher", "net_watcher", "bot", "storefront"
]


class Scenario(World, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent to a sale, for how long, and what must come of it.

    visitor      joins, polls as told, claims, looks, leaves
    buyer        as `buyers` says: seats on the map or the best ones, dawdles, pays, or does not
    abandoner    gives up: in the line, at the call, or with a hold that lapses
    refresher    a buyer who ignores the schedule: polls four times a second, reloads, claims again
    watcher      looks at the map through the stream of changes, and checks that nothing is missing
    net_watcher  the same through net changes, as the shop's page does
    bot          takes many tickets, forges tokens, replays what was used; each must be refused
    storefront   a buyer who comes back to a shop behind the connector, and buys there
    """

    about: str = ""
    """one line for the list of scenarios"""
    users: dict[PersonKind, Weight]
    """people by kind, as weights; the people are those of `arrivals`"""
    duration_seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_DURATION_SECONDS)]
    """from the opening until everybody goes home, if they have not before"""
    connections: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 256
    """of each process"""
    thresholds: Thresholds = Thresholds()

    @property
    def limits(self) -> Thresholds:
        """The thresholds, among them that the line is really entered: a scenario that does not say
        how many of the admitted must have waited has `WAITED_SHARE`.
        """
        if self.thresholds.waited_share is None:
            return msgspec.structs.replace(self.thresholds, waited_share=WAITED_SHARE)
        return self.thresholds

    def __post_init__(self) -> None:
        super().__post_init__()
        if not sum(self.users.values()) > 0:
            raise InvalidWorld("users", "at least one kind of people needs a weight")


def scenario_names() -> list[str]:
    """The scenarios that come with the load test."""
    names = (entry.name for entry in files(__package__).iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def scenario_path(named: str) -> Path:
    """The file of a scenario that is given by its name, or by a path that ends in .toml."""
    if named.endswith(SUFFIX):
        return Path(named)
    if named not in scenario_names():
        known = ", ".join(scenario_names())
        raise InvalidWorld(
            "", f"there is no scenario {named!r}; there are {known}, or a .toml file"
        )
    return Path(str(files(__package__).joinpath(named + SUFFIX)))


def read_scenario(named: str) -> Scenario:
    """The scenario of that name or path; raises InvalidWorld."""
    return read_world(scenario_path(named), Scenario)
