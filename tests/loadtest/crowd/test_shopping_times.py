"""How long people stay in the shop, as the simulator has it: looks, a payment, or giving back."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest

from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.client import Answer, Client
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.profiles import Ending, Pace, Taste, VisitorProfile, Wish, draw
from holdfast_loadtest.crowd.shopper import Shopper
from holdfast_loadtest.crowd.tally import Tally, VisitorState
from holdfast_loadtest.wire import AreaCounts, Confirmation, Hold, Item, Pass, SeatMap

LOOK, PAY = 2.0, 5.0
BUYS: Final[VisitorProfile] = replace(
    draw(1, 1, Pace()),
    **{"only_browses": False, "double_clicks": False, "greedy": False, "tidy": True},
    look_s=LOOK,
    pay_s=PAY,
    ending=Ending.PAYS,
    wish=Wish(Taste.BEST, 2, "front", splits_up=False),
)


class Hours:
    """Seconds that pass only while somebody sleeps."""

    seconds = 0.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    async def together(self, calls: Any) -> list[Any]:
        return [await call() for call in calls]


class Areas(Client):
    """A shop of areas, in which the first `refusals` holds find nothing; `late` is each payment."""

    def __init__(self, free: dict[str, int], refusals: int = 0, *, late: bool = False) -> None:
        self.free, self.refusals, self.late = free, refusals, late
        self.asked: list[str] = []
        self.ended = 0

    async def call(self, method: str, route: str, *, body: Any = None, **_: Any) -> Answer:
        if route == "/seats":
            areas = {name: AreaCounts(free=n, capacity=99) for name, n in self.free.items()}
            return _answer(200, SeatMap(areas=areas))
        if route == "/holds":
            area = body["areas"][0]["id"]
            self.asked.append(area)
            if len(self.asked) <= self.refusals:
                return _answer(409, {"code": "seat_unavailable"})
            return _answer(201, Hold("h", "active", [Item(area=area, quantity=2)], 60))
        self.ended += (method, route) == ("DELETE", "/pass")
        if self.late and route.endswith("/paying"):
            return _answer(410, {"code": "hold_expired"})
        return _answer(204 if method == "DELETE" else 200, Confirmation("confirmed"))


def _answer(status: int, body: object) -> Answer:
    return Answer(status, msgspec.json.encode(body))


async def _stay(profile: VisitorProfile, shop: Areas) -> tuple[VisitorState, float]:
    """How the visit ended, and after how many seconds."""
    hours, offer = Hours(), Offer(areas=tuple(shop.free))
    crowd = CrowdContext(shop, "key", offer, Tally(1), Journal(io.StringIO()), scheduler=hours)
    return await Shopper(profile, crowd, Pass("token")).shop(), hours.now()


@pytest.mark.parametrize(
    ("ending", "state"),
    [(Ending.PAYS, VisitorState.BOOKED), (Ending.RELEASES, VisitorState.LEFT)],
)
async def test_giving_back_takes_as_long_as_paying(ending: Ending, state: VisitorState) -> None:
    stay = await _stay(replace(BUYS, ending=ending), Areas({"front": 9}))
    assert stay == (state, LOOK + PAY)


@pytest.mark.parametrize(
    ("ending", "late", "ended"),
    [
        (Ending.PAYS, False, 1),
        (Ending.PAYS, True, 1),
        (Ending.RELEASES, False, 1),
        (Ending.LAPSES, False, 0),
    ],
)
async def test_who_is_done_ends_the_session_but_not_who_lets_a_hold_lapse(
    ending: Ending, late: bool, ended: int
) -> None:
    shop = Areas({"front": 9}, late=late)
    state, _ = await _stay(replace(BUYS, ending=ending), shop)
    assert (state is VisitorState.LAPSED) is (late or ending is Ending.LAPSES)
    assert shop.ended == ended
    await _stay(replace(BUYS, ending=ending, tidy=False), shop)
    assert shop.ended == ended


async def test_who_takes_another_area_looks_again_while_the_map_has_some() -> None:
    """Too late in the front, then twice in the back."""
    shop = Areas({"front": 9, "back": 9}, refusals=3)
    assert await _stay(BUYS, shop) == (VisitorState.BOOKED, 4 * LOOK + PAY)
    assert len(shop.asked) == 4
    assert shop.asked[0] == "front"


async def test_who_finds_nothing_goes_without_another_look() -> None:
    """One look for the front, which is gone, and one that shows nothing at all."""
    shop = Areas({"front": 0, "back": 1})
    assert await _stay(BUYS, shop) == (VisitorState.EMPTY_HANDED, 2 * LOOK)
    picky = replace(BUYS, wish=replace(BUYS.wish, takes_other=False))
    assert await _stay(picky, shop) == (VisitorState.EMPTY_HANDED, LOOK)
    assert shop.asked == []
