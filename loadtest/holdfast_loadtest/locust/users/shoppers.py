"""Those who wait and shop as people do; how they differ is in their profiles.

The visit is the crowd's own (`holdfast_loadtest.crowd`), the profile is drawn by `People`.
"""

from __future__ import annotations

from holdfast_loadtest.bots.bot_visit import BotVisit
from holdfast_loadtest.crowd.visits import Visit
from holdfast_loadtest.locust.scheduling import complete
from holdfast_loadtest.locust.users.person import Person


class ShopperUser(Person):
    """Joins, waits, claims, and does in the shop what the profile says."""

    abstract = True
    visiting: Visit | None = None

    def visit(self) -> None:
        self.visiting = self.begin()
        complete(self.visiting.run())

    def begin(self) -> Visit:
        return Visit(self.profile, self.part.context)

    def go_home(self) -> None:
        if self.visiting is not None:
            self.part.send_home(self.visiting)


class VisitorUser(ShopperUser):
    """Joins, polls as told, claims, looks around, and leaves."""

    kind = "visitor"


class Buyer(ShopperUser):
    """Chooses seats on the map or the best available ones, dawdles, pays and confirms."""

    kind = "buyer"


class Abandoner(ShopperUser):
    """Gives up: in the line, at the call, or with a hold that lapses."""

    kind = "abandoner"


class Refresher(ShopperUser):
    """Ignores the schedule: polls as fast as it can reload, reloads, and claims again."""

    kind = "refresher"


class Bot(ShopperUser):
    """Takes many tickets, forges tokens, replays what was used, and buys nothing."""

    kind = "bot"

    def begin(self) -> Visit:
        return BotVisit(self.profile, self.part.context)
