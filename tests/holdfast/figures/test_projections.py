import asyncio
from collections.abc import Generator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.line.status import line_status
from support.points import START_MS, point

from holdfast.figures.projections import KEPT_MS, MOVING, SaleProjections
from holdfast.figures.running_sale import running_sale_of
from holdfast.figures.stock import Stock
from holdfast.sales.sale import Sale
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.line_status import LineMode, LineStatus
from holdfast_lua.calls.records import Point
from holdfast_lua.history import STEP_MS
from holdfast_queue.line.settings import LineSettings, QueueingMethod
from holdfast_queue.line.status import SaleState
from holdfast_simulator.running.projection import Projections
from holdfast_simulator.running.sale import RunningSale

STEPS = 30
"""of ten seconds, in each of which ten visitors are admitted who buy two units each"""
NOW_MS = START_MS + STEPS * STEP_MS
LINE = line_status(
    free=1_400,
    booked=600,
    issued=2_000,
    ceiling=9_999,
    serving=300,
    called_from=301,
    called=300,
    claimed=300,
    admitted=300,
    rate_per_minute=60,
    cap=100,
    stock=1_400,
    first_holds=300,
)
STOCK = Stock({"A": {"free": 1_400, "held": 0, "booked": 600}}, {})
SMALL = replace(LINE, free=200, stock=200)
"""less is left, which is projected sooner"""
SMALL_STOCK = Stock({"A": {"free": 200, "held": 0, "booked": 600}}, {})
SETTINGS = InventorySettings(hold_ms=120_000, hold_max_ms=300_000, max_units_per_buyer=6)


def _points(free: int = 1_400) -> list[Point]:
    """Of which the last has so many units free."""
    units = free + LINE.booked
    return [
        point(
            step,
            waiting=1_700,
            joined=2_000,
            called=10 * step,
            admitted=10 * step,
            held_once=10 * step,
            confirmed=10 * step,
            booked=20 * step,
            free=units - 20 * step,
            free_by_category={"A": units - 20 * step},
        )
        for step in range(STEPS + 1)
    ]


@dataclass
class Shown:
    """What a projection reads of a sale."""

    line: LineStatus = LINE
    state: SaleState = SaleState.OPEN
    now_ms: int = NOW_MS
    burst: int = 20
    uid: str = "u1"

    @property
    def sale(self) -> Sale:
        document = SimpleNamespace(line=self.line, state=self.state, now_ms=self.now_ms)
        room = SimpleNamespace(document=document, settings=LineSettings(burst=self.burst))
        inventory = SimpleNamespace(settings=SETTINGS)
        return cast(Sale, SimpleNamespace(uid=self.uid, room=room, inventory=inventory))


async def _made(projections: SaleProjections, sale: Sale, at_ms: int = NOW_MS) -> Any:
    async with asyncio.timeout(120):
        while True:
            made = projections.newest(sale)
            if made.projections.sold_out is not None and made.at_ms == at_ms:
                return made.projections.sold_out
            await asyncio.sleep(0.01)


class WorkClock:
    """A clock that passes only while projections are worked on, and while they rest."""

    def __init__(self) -> None:
        self.now = self.worked = self.slice = self.longest_slice = 0.0

    def perf_counter(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds
        self.worked += seconds
        self.slice += seconds
        self.longest_slice = max(self.longest_slice, self.slice)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slice = 0.0
        await asyncio.sleep(0)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Projections are made as fast as may be, with turns of the event loop between."""
    monkeypatch.setattr("holdfast.figures.projections.PART", 1.0)


async def test_event_loop_has_its_turn_while_a_projection_is_made() -> None:
    projections, sale, turns = SaleProjections(), Shown(SMALL).sale, 0
    projections.want(sale, SMALL_STOCK, _points(SMALL.free))
    assert projections.newest(sale).projections.sold_out is None
    making = asyncio.ensure_future(_made(projections, sale))
    while not making.done():
        await asyncio.sleep(0.001)
        turns += 1
    sold_out = await making
    # 100 visitors who come one a second, and some of their holds end and are sold again.
    assert 100 < sold_out.expected < 200
    assert turns > 100
    await projections.stop()


@pytest.mark.parametrize(
    ("sales", "steps", "step_seconds"),
    [
        pytest.param(1, 5_000, 0.0002, id="usual"),
        pytest.param(3, 40, 0.05, id="steps longer than a slice"),
        pytest.param(200, 1, 0.001, id="many that end within a slice"),
    ],
)
async def test_projections_take_a_tenth_of_the_time_however_long_they_are(
    monkeypatch: pytest.MonkeyPatch, sales: int, steps: int, step_seconds: float
) -> None:
    clock, made = WorkClock(), Projections()

    def project(*_: object) -> Generator[None, None, Projections]:
        for _step in range(steps):
            clock.work(step_seconds)
            yield
        return made

    monkeypatch.setattr("holdfast.figures.projections.project", project)
    monkeypatch.setattr("holdfast.figures.projections.time", clock)
    monkeypatch.setattr("holdfast.figures.projections.asyncio", clock)
    projections = SaleProjections()
    shown = [Shown(uid=f"u{number}").sale for number in range(sales)]
    for sale in shown:
        projections.want(sale, STOCK, _points())
    async with asyncio.timeout(60):
        while True:
            if all(projections.newest(sale).projections is made for sale in shown):
                break
            await asyncio.sleep(0)
    assert clock.worked == pytest.approx(sales * steps * step_seconds)
    assert clock.worked / clock.now == pytest.approx(0.1)
    assert clock.longest_slice < 0.002 + 1.001 * step_seconds
    await projections.stop()


@pytest.mark.usefixtures("at_once")
async def test_change_of_settings_is_seen_without_a_new_point() -> None:
    projections = SaleProjections()
    projections.want(Shown().sale, STOCK, _points())
    fast = Shown(replace(LINE, rate_per_minute=240), now_ms=NOW_MS + 1_000)
    await asyncio.sleep(0.01)  # the first is being made, and is given up
    projections.want(fast.sale, STOCK, _points())
    sold_out = await _made(projections, fast.sale, fast.now_ms)
    assert sold_out.earliest < 500
    assert projections.newest(Shown().sale).at_ms == fast.now_ms
    await projections.stop()


async def test_sale_that_is_forgotten_meanwhile_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Projections()

    def project(sale: RunningSale, *_: object) -> Generator[None, None, Projections]:
        while sale.booked == LINE.booked:
            yield  # takes for ever
        return made

    monkeypatch.setattr("holdfast.figures.projections.project", project)
    projections = SaleProjections()
    projections.want(Shown().sale, STOCK, _points())
    await asyncio.sleep(0.01)
    later = NOW_MS + KEPT_MS + 1
    other = Shown(replace(LINE, booked=601), now_ms=later, uid="u2").sale
    projections.want(other, STOCK, _points())
    async with asyncio.timeout(20):
        while True:
            if projections.newest(other).projections is made:
                break
            await asyncio.sleep(0.01)
    await projections.stop()


async def test_projection_is_made_once_for_each_point(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def project(*_: object) -> Any:
        begun.append(1)
        return iter(())

    monkeypatch.setattr("holdfast.figures.projections.project", project)
    projections, shown, points = SaleProjections(), Shown(), _points()
    for _ in range(3):
        projections.want(shown.sale, STOCK, points)
    assert len(begun) == 1
    projections.want(shown.sale, STOCK, points[:-1])
    assert len(begun) == 2
    projections.want(Shown(burst=21).sale, STOCK, points[:-1])
    assert len(begun) == 3
    await projections.stop()


@pytest.mark.usefixtures("at_once")
async def test_nothing_is_shown_of_what_stands_or_was_long_ago() -> None:
    projections = SaleProjections()
    projections.want(Shown(SMALL).sale, SMALL_STOCK, _points(SMALL.free))
    await _made(projections, Shown(SMALL).sale)
    standing = [Shown(state=state) for state in SaleState if state not in MOVING]
    for shown in (*standing, Shown(now_ms=NOW_MS + KEPT_MS + 1)):
        assert projections.newest(shown.sale).projections.sold_out is None, shown
    assert projections.newest(Shown(SMALL).sale).projections.sold_out is not None
    await projections.stop()


def test_nothing_is_begun_before_anything_is_sold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.figures.projections.project", pytest.fail)
    projections = SaleProjections()
    projections.want(Shown(replace(LINE, booked=0)).sale, STOCK, _points())
    projections.want(Shown(state=SaleState.PAUSED).sale, STOCK, _points())
    projections.want(Shown().sale, STOCK, [])


def test_counts_are_those_of_the_line_and_its_stock() -> None:
    """What is set aside for others is neither free nor held for those in line."""
    categories = {
        "A": {"free": 30, "held": 8, "booked": 1},
        "B": {"free": 30, "held": 0, "booked": 1},
    }
    line = replace(
        LINE, free=40, held=6, allotted_free=20, allotted_held=2, stock=31, active=20, deferred=4,
        claimed=280, lapsed=10, ends_ms=NOW_MS + 5_000, mode=LineMode.THROUGH, cap=77,
        rate_per_minute=90,
    )  # fmt: skip
    settings = LineSettings(queueing_method=QueueingMethod.PASSTHROUGH, burst=33)
    sale = running_sale_of(line, settings.terms, SETTINGS, Stock(categories, {}), NOW_MS)
    assert sale.free_of == {"A": 20, "B": 20}
    assert sale.held_of == {"A": 6, "B": 0}
    assert (sale.unheld, sale.active, sale.outstanding, sale.deferred) == (9, 20, 10, 4)
    assert (sale.terms.rate, sale.terms.burst, sale.terms.cap) == (90, 33, 77)
    assert (sale.hold_ms, sale.ends_ms, sale.waiting) == (120_000, 5_000, 1_700)
    assert sale.terms.through
    assert sale.joinable
    assert not sale.stopped


@pytest.mark.parametrize(
    ("line", "joinable", "stopped"),
    [
        (replace(LINE, lifecycle="draining"), False, False),
        (replace(LINE, mode=LineMode.REJECT), False, False),
        (replace(LINE, queue_all=True), True, True),
    ],
)
def test_who_may_join_and_whether_the_line_moves(
    line: LineStatus, joinable: bool, stopped: bool
) -> None:
    sale = running_sale_of(line, LineSettings().terms, SETTINGS, STOCK, NOW_MS)
    assert (sale.joinable, sale.stopped) == (joinable, stopped)
