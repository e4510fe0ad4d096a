"""The people of a scenario: who comes when, of which kind, and what each of them does.

Everything is drawn from the scenario's seed and the person's index, so it does not depend on how
many processes share the work: person `i` of `n` processes belongs to process `i % n`. Traits that
the simulator knows (group sizes, taste, shares of those who give up, times) are drawn from the
scenario's `buyers`; the others (double clicks, hidden tabs, ...) are the crowd's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from holdfast_loadtest.crowd.profiles import Ending, Pace, Taste, VisitorProfile, Wish, draw
from holdfast_loadtest.scenarios.scenario import PersonKind, Scenario
from holdfast_simulator.arrivals import arrival_times
from holdfast_simulator.world import Buyers

MAP_SHARE: Final = 0.45
"""of those who want seats, choose them on the map"""
ABANDONS: Final = ("line", "call", "hold")


class People:
    """All who come to one run of a scenario."""

    def __init__(self, scenario: Scenario, arrivals: Sequence[float] | None = None) -> None:
        """`arrivals` are those of the scenario, for who cannot read the file that has them."""
        self._scenario = scenario
        self._kinds = tuple(scenario.users)
        self._kind_weights = tuple(scenario.users.values())
        self._stock = scenario.sale.stock()
        if arrivals is None:
            arrivals = arrival_times(scenario.arrivals, Random(scenario.seed))  # noqa: S311
        self.arrivals = arrivals
        """seconds from the opening, by the person's index"""

    def __len__(self) -> int:
        return len(self.arrivals)

    def share(self, index: int, of: int) -> Iterator[tuple[int, float]]:
        """The people of one process of several, with seconds from the opening, in order."""
        return ((person, self.arrivals[person]) for person in range(index, len(self), of))

    @property
    def lobby_seconds(self) -> float:
        """How long before the opening the first comes; 0 when nobody does."""
        return max(0.0, -self.arrivals[0])

    def kind(self, person: int) -> PersonKind:
        return self._random("kind", person).choices(self._kinds, self._kind_weights)[0]

    def profile(self, person: int) -> VisitorProfile:
        """What the person does, by their kind and the world's buyers."""
        limit = self._scenario.sale.max_units_per_buyer
        profile = draw(self._scenario.seed, person, Pace(), limit)
        random = self._random("buyer", person)
        bought = drawn_from(self._scenario.buyers, self._stock, profile, random, limit)
        return of_kind(self.kind(person), bought, random, self._scenario.buyers)

    def _random(self, trait: str, person: int) -> Random:
        seed = f"{self._scenario.seed}:{trait}:{person}"
        return Random(seed)  # noqa: S311 - people, not secrets


def drawn_from(
    buyers: Buyers, stock: Mapping[str, int], profile: VisitorProfile, random: Random, limit: int
) -> VisitorProfile:
    """The profile with all that a world says of its buyers."""
    taste = buyers.taste or stock
    sizes = buyers.group_sizes
    quantity = random.choices(tuple(sizes), tuple(sizes.values()))[0]
    category = random.choices(tuple(taste), tuple(taste.values()))[0]
    leaves = random.random() < buyers.leaves
    return replace(
        profile,
        wish=Wish(
            Taste.MAP if random.random() < MAP_SHARE else Taste.BEST,
            min(quantity, limit),
            category,
            takes_other=random.random() < buyers.takes_other,
            splits_up=False,
        ),
        look_s=buyers.look_seconds.draw(random),
        pay_s=buyers.pay_seconds.draw(random),
        ending=_ending(buyers, random),
        quits_line_after_s=random.uniform(0, buyers.patience_seconds) if leaves else None,
        shows_up=random.random() >= buyers.no_show,
        only_browses=random.random() < buyers.looks_only,
        tidy=random.random() < buyers.ends_pass,
    )


def of_kind(
    kind: PersonKind, profile: VisitorProfile, random: Random, buyers: Buyers
) -> VisitorProfile:
    """The profile as a kind of people has it."""
    patient = replace(profile, shows_up=True, quits_line_after_s=None)
    match kind:
        case "visitor":
            return replace(patient, only_browses=True)
        case "bot":
            return patient
        case "refresher":
            return replace(profile, impatient=True, reloads=True, hides_the_tab=False)
        case "abandoner":
            return giving_up(replace(patient, only_browses=False), random, buyers)
        case _:
            return profile


def giving_up(profile: VisitorProfile, random: Random, buyers: Buyers) -> VisitorProfile:
    """The profile of who gives up at one of `ABANDONS`."""
    match random.choice(ABANDONS):
        case "line":
            return replace(profile, quits_line_after_s=random.uniform(0, buyers.patience_seconds))
        case "call":
            return replace(profile, shows_up=False)
        case _:
            return replace(profile, ending=Ending.LAPSES)


def _ending(buyers: Buyers, random: Random) -> Ending:
    """`lapses` is a share of those who hold, `releases` of those among them who could pay."""
    if random.random() < buyers.lapses:
        return Ending.LAPSES
    return Ending.RELEASES if random.random() < buyers.releases else Ending.PAYS
