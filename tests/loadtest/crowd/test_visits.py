"""Visits on a clock that only sleeps move: what people tell, and what they take for a breach."""

import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import pytest

from holdfast_loadtest.audit.journal import Joined, Journal
from holdfast_loadtest.client import Answer, Client, Traffic, Unreachable
from holdfast_loadtest.crowd.context import WITHIN_CONTRACT, CrowdContext
from holdfast_loadtest.crowd.observing import VisitObserver
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.page import IMPATIENT_SECONDS
from holdfast_loadtest.crowd.profiles import Ending, Pace, Taste, VisitorProfile, Wish, draw
from holdfast_loadtest.crowd.tally import Tally, VisitorState
from holdfast_loadtest.crowd.visitor import RELOAD_EVERY_POLLS, SAME_ADMISSION, SAME_PLACE
from holdfast_loadtest.crowd.visits import Visit
from holdfast_loadtest.wire import (
    AreaCounts,
    Confirmation,
    Hold,
    Item,
    Pass,
    SeatMap,
    Status,
    Ticket,
)

T = TypeVar("T")
LOOKS: VisitorProfile = replace(
    draw(1, 1, Pace()),
    quits_line_after_s=None,
    shows_up=True,
    only_browses=True,
    reloads=False,
    hides_the_tab=False,
    look_s=0.5,
)


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    async def together(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        return [await call() for call in calls]


class Line(Client):
    """A line that calls number 7 after so many polls; `answers` come first, by method and route."""

    def __init__(self, polls: int = 3, **answers: list[Answer]) -> None:
        self.sale, self.traffic = "gala", Traffic()
        self.asked: list[str] = []
        self._polls = polls
        self._answers = answers

    async def call(self, method: str, route: str, **_: Any) -> Answer:
        name = f"{method} {route}".lower().replace(" /", "_")
        self.asked.append(name)
        if first := self._answers.get(name):
            return first.pop(0)
        if name == "get_status":
            self._polls -= 1
            serving = 7 if self._polls < 0 else 2
            return reply(200, Status("open", 10 - self._polls, serving=serving))
        return reply(*ANSWERS[name])


ANSWERS: dict[str, tuple[int, object]] = {
    "post_tickets": (201, Ticket("t", number=7)),
    "get_ticket": (200, {"state": "waiting", "revision": 1, "number": 7}),
    "post_pass": (201, Pass("token", "p1")),
    "get_seats": (200, SeatMap()),
    "delete_pass": (204, {}),
    "get_wait": (200, {}),
}


class Heard(VisitObserver):
    """What was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def joined(self, person: int, number: int | None) -> None:
        self.told.append(f"joined {number}")

    def polled(self, person: int, ahead: int | None) -> None:
        self.told.append(f"polled {ahead}")

    def admitted(self, person: int) -> None:
        self.told.append("admitted")

    def ended(self, person: int, state: str) -> None:
        self.told.append(state)


def reply(status: int, body: object) -> Answer:
    return Answer(status, msgspec.json.encode(body))


def context(client: Client, observer: VisitObserver | None = None) -> CrowdContext:
    journal, tally = Journal(io.StringIO()), Tally(1)
    offer = Offer(first_hold_seconds=60)
    return CrowdContext(client, "key", offer, tally, journal, scheduler=Clock(), observer=observer)


def promises(crowd: CrowdContext) -> list[str]:
    return [complaint.promise for complaint in crowd.journal.complaints]


async def test_visit_tells_how_far_it_has_come_and_records_the_join() -> None:
    heard = Heard()
    crowd = context(Line(polls=2), heard)
    assert await Visit(LOOKS, crowd).run() is VisitorState.LEFT
    told = ["joined 7", "polled 4", "polled 4", "admitted", VisitorState.LEFT.value]
    assert heard.told == told
    (join,) = crowd.journal.joined
    assert isinstance(join, Joined)
    assert join.number == 7


async def test_visit_that_is_broken_off_ends_once() -> None:
    heard = Heard()
    visit = Visit(LOOKS, context(Line(), heard))
    assert visit.end(VisitorState.TIMED_OUT) is VisitorState.TIMED_OUT
    assert visit.end(VisitorState.LEFT) is VisitorState.TIMED_OUT
    assert heard.told == [VisitorState.TIMED_OUT.value]


async def test_what_was_paid_is_settled_when_a_visit_is_broken_off() -> None:
    class Killed(BaseException):
        pass

    class Shop(Line):
        confirms = 0

        async def call(self, method: str, route: str, **told: Any) -> Answer:
            if route == "/seats":
                return reply(200, SeatMap(areas={"floor": AreaCounts(free=9, capacity=9)}))
            if route == "/holds":
                return reply(201, Hold("h1", "active", [Item(area="floor", quantity=1)], 45))
            if route.endswith("/confirm"):
                self.confirms += 1
                if self.confirms == 1:
                    raise Killed
            if route.startswith("/holds/"):
                return reply(200, Confirmation("confirmed"))
            return await super().call(method, route, **told)

    buys = replace(LOOKS, only_browses=False, ending=Ending.PAYS, double_clicks=False, greedy=False)
    crowd = context(Shop())
    crowd.offer = Offer(areas=("floor",))
    visit = Visit(replace(buys, wish=Wish(Taste.FLOOR, 1)), crowd)
    with pytest.raises(Killed):
        await visit.run()
    assert [paid.hold for paid in crowd.journal.paid] == ["h1"]
    assert crowd.journal.confirmed == []
    assert await visit.break_off() is VisitorState.BOOKED
    assert [confirmed.hold for confirmed in crowd.journal.confirmed] == ["h1"]


async def test_being_told_to_come_back_for_ever_is_no_breach_and_no_answer_is() -> None:
    class Busy(Line):
        async def call(self, method: str, route: str, **_: Any) -> Answer:
            return reply(503, {"code": "overloaded"})

    class Silent(Line):
        async def call(self, method: str, route: str, **_: Any) -> Answer:
            raise Unreachable("refused")

    busy, silent = context(Busy()), context(Silent())
    assert await Visit(LOOKS, busy).run() is VisitorState.FAILED
    assert promises(busy) == []
    assert await Visit(LOOKS, silent).run() is VisitorState.FAILED
    assert promises(silent) == [WITHIN_CONTRACT]


async def test_the_impatient_poll_fast_and_reload_at_the_same_place() -> None:
    line = Line(polls=3 * RELOAD_EVERY_POLLS, post_tickets=[reply(201, Ticket("t", number=7))])
    line._answers["post_tickets"] += [reply(200, Ticket("t", number=7))] * 5
    crowd = context(line)
    await Visit(replace(LOOKS, impatient=True), crowd).run()
    polls = line.asked.count("get_status")
    assert line.asked.count("get_wait") == 3
    assert crowd.scheduler.now() <= polls * 2 * IMPATIENT_SECONDS + 2
    assert promises(crowd) == []


async def test_another_place_after_a_reload_is_a_breach() -> None:
    moved = [reply(201, Ticket("t", number=7)), reply(200, Ticket("t", number=8))]
    crowd = context(Line(polls=RELOAD_EVERY_POLLS + 2, post_tickets=moved))
    await Visit(replace(LOOKS, impatient=True), crowd).run()
    assert promises(crowd) == [SAME_PLACE]


@pytest.mark.parametrize(
    ("answers", "broken"),
    [
        ([reply(201, Pass("token", "p1"))], []),
        ([reply(201, Pass("token", "p2"))], [SAME_ADMISSION]),
        ([reply(410, {"code": "call_expired"})], [SAME_ADMISSION]),
        ([Answer(503, b"{}", 30.0)] * 3 + [reply(410, {"code": "call_expired"})], []),
    ],
    ids=["same", "another", "at_once_none", "none_after_the_first_hold"],
)
async def test_claiming_again_is_the_same_admission_while_it_can_live(
    answers: list[Answer], broken: list[str]
) -> None:
    line = Line(post_pass=[reply(201, Pass("token", "p1")), *answers])
    crowd = context(line)
    await Visit(replace(LOOKS, reloads=True), crowd).run()
    assert promises(crowd) == broken
