"""What a buyer in the shop takes for a broken promise, and what for a loss that is allowed."""

import io
from typing import Any

import msgspec
import pytest

from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.client import Answer, Client
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.profiles import Pace, draw
from holdfast_loadtest.crowd.shopper import WITHIN_LIMIT, Shopper
from holdfast_loadtest.crowd.tally import Tally
from holdfast_loadtest.wire import AreaCounts, Hold, Item, Pass, SeatMap

LOST = Answer(410, b'{"code": "hold_lost"}')


def answer(status: int, body: object) -> Answer:
    return Answer(status, msgspec.json.encode(body))


class Scripted(Client):
    """A shop in which more than the limit is granted, and the first hold is as it is told."""

    def __init__(self, first: Answer) -> None:
        self.first = first
        self.asked: list[str] = []

    async def call(self, method: str, route: str, **_: Any) -> Answer:
        self.asked.append(f"{method} {route}")
        if route == "/seats":
            return answer(200, SeatMap(areas={"floor": AreaCounts(free=100, capacity=100)}))
        if method == "GET":
            return self.first
        return answer(201, Hold("second", "active", [Item(area="floor", quantity=5)]))


@pytest.mark.parametrize(
    ("first", "promises"),
    [
        (answer(200, Hold("first", "active")), [WITHIN_LIMIT]),
        (answer(200, Hold("first", "paying")), [WITHIN_LIMIT]),
        (Answer(404, b'{"code": "unknown_hold"}'), [WITHIN_LIMIT]),
        (answer(200, Hold("first", "expired")), []),
        (LOST, []),
    ],
    ids=["active", "paying", "unknown", "expired", "lost"],
)
async def test_more_than_the_limit_is_a_breach_while_the_first_hold_lives(
    first: Answer, promises: list[str]
) -> None:
    client, journal = Scripted(first), Journal(io.StringIO())
    offer = Offer(areas=("floor",), units_per_buyer=6)
    profile = draw(1, 1, Pace(look_s=0.0))
    shopper = Shopper(profile, CrowdContext(client, "key", offer, Tally(1), journal), Pass("token"))
    await shopper._ask_for_more(Hold("first", "active", [Item(area="floor", quantity=2)]))
    assert [complaint.promise for complaint in journal.complaints] == promises
    assert client.asked[-1] == "POST /holds/second/release"
