"""What does a hold cost, beside a script of two commands; and by size and fullness of the plan?

    python loadtest/bench/holds.py [--rounds 40] [--seats 1000 10000 60000 100000] [--holds 250]

First, holds of two seats, best available, each for another buyer, as fast as the core can through
`SaleInventory`, in short windows in turns with the same executor running a script of two commands.
The ratio by processor time is that of both processes, service and store.

Then the store's processor time for such holds, 50 at a time: in empty plans by size, and in the
plan of 60,000 seats by fullness. "99% sold" is a plan sold by such holds, one after another;
"scattered" one in which the seats left lie in pairs all over it. (The store's own `commandstats`
count the time in which others had the processor.)
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bench.kit.clients.two_commands import KEYS, NAME, PAYLOAD
from bench.kit.clocks import Clock, Meter, Sample, store_clock, this_process
from bench.kit.command import Bench, Recorder
from bench.kit.plans import SETTINGS, plan_json
from bench.kit.results import Aim
from bench.kit.store import embedded_store, install_seats
from bench.kit.turns import Comparison, Side, Turn, by_size
from holdfast_inventory.holds.choice import ChoiceCompiler
from holdfast_inventory.holds.hold_requests import BestAvailable, BuyerRef, HoldRequest
from holdfast_inventory.holds.inventory_image import make_image, row_bytes
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_lua import Code, Executor, SaleRef
from holdfast_lua.calls.hold_terms import HoldTerms, SeatChoice
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.inventory_install import InventoryImage

HOLD_MS: Final = 30 * 60 * 1000
IDS: Final = itertools.count()
BATCH: Final = 50
CALLERS, TIMES = 100, 3
PLENTY: Final = 60_000
"""seats of the plan of which the rate and the fullness are measured"""
LEAST, HOLD = "two commands", "hold"
AIM: Final = 0.45
EMPTY, NEARLY, SCATTERED = "empty", "99% sold", "scattered"


@dataclass
class Sale:
    """A sale in the store, and what holding in it takes."""

    ref: SaleRef
    calls: InventoryCalls
    choice: SeatChoice

    @classmethod
    async def install(cls, executor: Executor, plan: Plan, image: InventoryImage) -> Sale:
        ref = SaleRef(f"bench{next(IDS)}", 1)
        calls = await install_seats(executor, ref, "bench", image)
        choice = ChoiceCompiler(plan, SETTINGS).choice(2, frozenset(), frozenset(), False, True)
        return cls(ref, calls, choice)

    async def hold(self) -> None:
        """Two seats for somebody new."""
        number = next(IDS)
        terms = HoldTerms(
            hold_id=f"h{number}",
            digest="digest",
            buyer=f"buyer{number}",
            pass_id="",
            hold_ms=HOLD_MS,
            hold_max_ms=2 * HOLD_MS,
            limit=6,
            seed=number * 7919 % 2**31,
        )
        answer = await self.calls.hold_seats(self.ref, terms, seats=self.choice)
        if answer.code is not Code.OK:
            raise SystemExit("the plan ran out of seats: fewer holds, please")

    async def hold_many(self, holds: int, at_once: int) -> None:
        for at in range(0, holds, at_once):
            await asyncio.gather(*[self.hold() for _ in range(min(at_once, holds - at))])


def scattered(plan: Plan) -> bytes:
    """The states of a plan that is sold but for a pair in every fifth row segment."""
    states = bytearray(b"b" * len(plan))
    for segment in plan.segments[::5]:
        states[segment.first + 4 : segment.first + 6] = b"ff"
    return bytes(states)


async def nearly_sold(executor: Executor, plan: Plan) -> bytes:
    """The states of a plan of which holds have taken 99%."""
    sale = await Sale.install(executor, plan, make_image(plan, SETTINGS))
    await sale.hold_many(len(plan) * 99 // 200, 500)
    return (await sale.calls.read_seats(sale.ref)).states.replace(b"h", b"b")


def image_of(plan: Plan, states: bytes) -> InventoryImage:
    """A plan with its seats free or booked as given."""
    image, free = make_image(plan, SETTINGS), states.count(b"f")
    return InventoryImage(
        seats=states,
        rows=row_bytes(plan, bytearray(states)),
        layout=image.layout,
        levels=image.levels,
        free=free,
        held=0,
        booked=len(plan) - free,
        blocked=0,
    )


def holding(
    executor: Executor, plan: Plan, image: InventoryImage, holds: int, store: Clock
) -> Turn:
    """A turn of so many holds in a new sale of this image, BATCH at a time."""

    async def turn() -> Sample:
        sale = await Sale.install(executor, plan, image)
        with Meter({"service": this_process, "store": store}) as meter:
            await sale.hold_many(holds, BATCH)
        return meter.sample(holds)

    return turn


async def store_costs(recorder: Recorder, executor: Executor, options: argparse.Namespace) -> None:
    """Store time of a hold by the size of a plan, then by its fullness."""
    store = await store_clock(executor)
    sides = []
    for seats in options.seats:
        plan = compile_plan(plan_json(seats), SETTINGS)
        turn = holding(
            executor, plan, make_image(plan, SETTINGS), min(options.holds, len(plan) // 8), store
        )
        sides.append(Side(f"{len(plan):,} seats", turn, len(plan)))
    sides.sort(key=lambda side: side.size or 0)
    await recorder.compare(
        by_size("hold in an empty plan", sides, 1.5, counted="store", unit="holds")
    )
    plan = compile_plan(plan_json(options.plenty), SETTINGS)
    images = {
        EMPTY: make_image(plan, SETTINGS),
        NEARLY: image_of(plan, await nearly_sold(executor, plan)),
        SCATTERED: image_of(plan, scattered(plan)),
    }
    holds = min(options.holds, len(plan) // 200 - 2, len(plan.segments) // 5 - 2)
    full = [
        Side(name, holding(executor, plan, image, holds, store)) for name, image in images.items()
    ]
    half = [Aim(NEARLY, 0.5), Aim(SCATTERED, 0.5)]
    await recorder.compare(
        Comparison(f"hold in a plan of {len(plan):,}", EMPTY, full, ("store",), half, "holds")
    )


OneCall = Callable[[int], Awaitable[object]]


async def window(one_call: OneCall, numbers: Iterator[int], store: Clock) -> Sample:
    """Measures TIMES times CALLERS calls at once."""
    with Meter({"service": this_process, "store": store}) as meter:
        for _ in range(TIMES):
            await asyncio.gather(*[one_call(next(numbers)) for _ in range(CALLERS)])
    return meter.sample(TIMES * CALLERS)


class Windows:
    """Windows of holds through `SaleInventory`; a new sale when a quarter of one is held."""

    def __init__(self, executor: Executor, plan: Plan, store: Clock) -> None:
        self._executor, self._plan, self._store = executor, plan, store
        # One at least: it takes 600 seats of 1000.
        self._of_a_sale = max(1, len(plan) // 4 // (TIMES * CALLERS))
        self._windows = itertools.count()
        self._numbers = itertools.count()
        self._inventory: SaleInventory

    async def hold(self) -> Sample:
        if next(self._windows) % self._of_a_sale == 0:
            image = make_image(self._plan, SETTINGS)
            sale = await Sale.install(self._executor, self._plan, image)
            self._inventory = SaleInventory("bench", sale.ref, self._plan, SETTINGS, sale.calls)
        return await window(self._one_hold, self._numbers, self._store)

    async def least(self) -> Sample:
        return await window(self._two_commands, self._numbers, self._store)

    async def _one_hold(self, number: int) -> object:
        request = HoldRequest((), BestAvailable(quantity=2), frozenset(), ())
        buyer = BuyerRef(str(number), str(number))
        return await self._inventory.hold(request, buyer, key=str(number), digest="d")

    async def _two_commands(self, _: int) -> object:
        return await self._executor.run(NAME, KEYS, (PAYLOAD,))


async def core_rates(recorder: Recorder, executor: Executor, seats: int) -> None:
    """Compares holds through `SaleInventory` with the two-command script."""
    plan = compile_plan(plan_json(seats), SETTINGS)
    windows = Windows(executor, plan, await store_clock(executor))
    await recorder.compare(
        Comparison(
            "hold through the core",
            LEAST,
            [Side(LEAST, windows.least), Side(HOLD, windows.hold)],
            ("service", "store"),
            [Aim(HOLD, AIM)],
            "calls",
        )
    )


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Measures the rate, then what holds cost the store."""
    async with embedded_store() as (_, executor):
        await core_rates(recorder, executor, options.plenty)
        await store_costs(recorder, executor, options)


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--seats", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="of empty plans")
    add("--plenty", type=int, default=PLENTY, help="seats of the plan for all else")
    add("--holds", type=int, default=250, help="of each turn")


BENCH: Final = Bench(
    "holds",
    __doc__,
    measure,
    40,
    add_options,
    quick={"seats": [1_000, 5_000], "plenty": 5_000, "holds": 100},
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
