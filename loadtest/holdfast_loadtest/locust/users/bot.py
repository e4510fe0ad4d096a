"""A bot as a user of Locust."""

from __future__ import annotations

from holdfast_loadtest.bots.bot_visit import BotVisit
from holdfast_loadtest.crowd.visits import Visit
from holdfast_loadtest.locust.users.shoppers import Shopper


class Bot(Shopper):
    """Takes many tickets, forges tokens, replays what was used, and buys nothing."""

    kind = "bot"

    def begin(self) -> Visit:
        return BotVisit(self.profile, self.part.context)
