"""The people that a load test sends, as the crowd of a simulation: who they are is known to both.

What a run comes to depends on the rules and on who comes: who does not answer, who wants how much,
how long each looks. Of a crowd that is yet to come a prediction can only draw that; of the crowd
that is sent it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast_loadtest.crowd.profiles import Ending, VisitorProfile
from holdfast_simulator.crowd import SimulatedCrowd
from holdfast_simulator.world import World


class KnownCrowd(SimulatedCrowd):
    """Has the traits of `profiles`, which are in the order of `arrivals`."""

    def __init__(
        self,
        world: World,
        stock: Mapping[str, int],
        *,
        arrivals: Sequence[float],
        profiles: Sequence[VisitorProfile],
    ) -> None:
        super().__init__(world, stock, arrivals)
        self._profiles = profiles

    def has_left(self, number: int, waited_ms: int) -> bool:
        limit = self._profile(number).quits_line_after_s
        return limit is not None and waited_ms > 1000 * limit

    def comes_not(self, number: int) -> bool:
        return not self._profile(number).shows_up

    def looks_only(self, number: int) -> bool:
        return self._profile(number).only_browses

    def look_ms(self, number: int) -> int:
        return int(1000 * self._profile(number).look_s)

    def choice(self, number: int) -> tuple[str, int]:
        wish = self._profile(number).wish
        return wish.category or self.categories[0], wish.quantity

    def takes_other(self, number: int) -> bool:
        return self._profile(number).wish.takes_other

    def lapses(self, number: int) -> bool:
        return self._profile(number).ending is Ending.LAPSES

    def releases(self, number: int) -> bool:
        return self._profile(number).ending is Ending.RELEASES

    def pay_ms(self, number: int) -> int:
        return int(1000 * self._profile(number).pay_s)

    def ends_pass(self, number: int) -> bool:
        return self._profile(number).tidy

    def _profile(self, number: int) -> VisitorProfile:
        return self._profiles[self.index(number)]
