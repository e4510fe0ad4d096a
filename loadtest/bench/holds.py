"""What a hold costs: store time by size and fullness, and holds per second against the least.

    python loadtest/bench/holds.py [--seats 1000 60000] [--holds 3000] [--windows 40]

Store microseconds are processor time of the store's process over successful holds of two seats,
best available, one buyer each, BATCH at a time; the mean, and the best batch, which a busy machine
disturbs less. (The store's own `commandstats` count the time in which others had the processor.)
"99% sold" is a plan sold by such holds, one after another; "scattered" one in which the seats
left lie in pairs all over the plan.

The second part holds as fast as the core can, in short windows taken in turns with the same
executor running a script of two commands. What counts is the ratio, in one run: of calls per
second, and of the processor time that both processes, service and store, spend on a call.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop

from bench.kit.two_commands import KEYS, NAME, PAYLOAD, bundle_with_it
from holdfast_inventory.holds.choice import ChoiceCompiler
from holdfast_inventory.holds.hold_requests import BestAvailable, BuyerRef, HoldRequest
from holdfast_inventory.holds.inventory_image import make_image, row_bytes
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua import Code, EmbeddedStore, Executor, SaleRef
from holdfast_lua.calls.hold_terms import HoldTerms, SeatChoice
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.inventory_install import InventoryImage, install_inventory
from holdfast_lua.calls.sale import SaleCalls, SaleTimes

SETTINGS = InventorySettings(prices={"A": 9000, "B": 6000, "C": 3000}, max_units_per_buyer=6)
ROW_SEATS, AISLE_AFTER, ROWS = 40, 20, 25
HOLD_MS = 30 * 60 * 1000
IDS = itertools.count()
BATCH = 50
CALLERS, ROUNDS = 100, 3


def plan_json(seats: int) -> bytes:
    """Zones of a thousand seats beside each other, 25 rows of 40 with an aisle in the middle."""
    zones = []
    for number in range(max(1, seats // (ROWS * ROW_SEATS))):
        rows = [
            {
                "row_number": str(row + 1),
                "position": {"x": 0, "y": 40 * row},
                "seats": [
                    {
                        "seat_guid": f"{number}-{row}-{seat}",
                        "seat_number": str(seat + 1),
                        "position": {"x": 25 * seat + (30 if seat >= AISLE_AFTER else 0), "y": 0},
                        "category": "ABC"[min(2, row * 3 // ROWS)],
                    }
                    for seat in range(ROW_SEATS)
                ],
            }
            for row in range(ROWS)
        ]
        position = {"x": 1200 * (number % 10), "y": 1200 * (number // 10)}
        zones.append({"name": f"Zone {number}", "position": position, "rows": rows})
    categories = [{"name": name} for name in "ABC"]
    return msgspec.json.encode({"name": "House", "categories": categories, "zones": zones})


@dataclass(frozen=True)
class Micros:
    """Store microseconds a hold."""

    mean: float
    best: float

    def beside(self, other: Micros) -> str:
        """The two readings, and their ratios."""
        return (
            f"{self.mean:6.1f}, {self.mean / other.mean:4.2f}x   "
            f"(best {self.best:5.1f}, {self.best / other.best:4.2f}x)"
        )


async def clock_of_store(executor: Executor) -> int:
    """The clock of the processor time of the store's process; Linux numbers them by process."""
    server = (await executor.command("INFO", "server")).decode()
    pid = next(line for line in server.splitlines() if line.startswith("process_id:"))
    return (~int(pid.split(":")[1]) << 3) | 2


@dataclass
class Sale:
    """A sale in the store, and what holding in it takes."""

    executor: Executor
    plan: Plan
    ref: SaleRef
    calls: InventoryCalls
    choice: SeatChoice

    @classmethod
    async def install(cls, executor: Executor, plan: Plan, image: InventoryImage) -> Sale:
        ref = SaleRef(f"bench{next(IDS)}", 1)
        await install_inventory(executor, ref.uid, ref.epoch, image)
        await SaleCalls(executor).install(
            ref,
            name="bench",
            lifecycle="live",
            settings_version=1,
            times=SaleTimes(),
            inventory=image.sale_fields(),
        )
        choice = ChoiceCompiler(plan, SETTINGS).choice(2, frozenset(), frozenset(), False, True)
        return cls(executor, plan, ref, InventoryCalls(executor), choice)

    async def hold(self) -> bool:
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
        return answer.code is Code.OK

    async def store_micros(self, holds: int) -> Micros:
        """Store time of so many holds, in batches."""
        clock = await clock_of_store(self.executor)
        total, best, left = 0.0, float("inf"), holds
        while left > 0:
            batch = min(BATCH, left)
            before = time.clock_gettime(clock)
            if not all(await asyncio.gather(*[self.hold() for _ in range(batch)])):
                raise RuntimeError("the plan ran out of seats: fewer holds, please")
            spent = (time.clock_gettime(clock) - before) * 1e6
            total, best, left = total + spent, min(best, spent / batch), left - batch
        return Micros(total / holds, best)


def scattered(plan: Plan, image: InventoryImage) -> InventoryImage:
    """All sold but one pair in every fifth row segment."""
    states = bytearray(b"b" * len(plan))
    for segment in plan.segments[::5]:
        states[segment.first + 4 : segment.first + 6] = b"ff"
    free = states.count(b"f")
    return InventoryImage(
        seats=bytes(states),
        rows=row_bytes(plan, states),
        layout=image.layout,
        levels=image.levels,
        free=free,
        held=0,
        booked=len(plan) - free,
        blocked=0,
    )


async def script_costs(executor: Executor, sizes: list[int], holds: int) -> None:
    """Store microseconds a hold: empty, 99% sold, scattered; and how they compare."""
    empties: list[Micros] = []
    for seats in sizes:
        plan = compile_plan(plan_json(seats), SETTINGS)
        image = make_image(plan, SETTINGS)
        sale = await Sale.install(executor, plan, image)
        empty = await sale.store_micros(min(holds, len(plan) // 4))
        sale = await Sale.install(executor, plan, image)
        taken = len(plan) * 99 // 200
        for at in range(0, taken, 500):
            await asyncio.gather(*[sale.hold() for _ in range(min(500, taken - at))])
        full = await sale.store_micros(max(1, len(plan) // 200 - 2))
        spread = await Sale.install(executor, plan, scattered(plan, image))
        thin = await spread.store_micros(min(holds, len(plan.segments) // 5 - 2))
        empties.append(empty)
        print(
            f"{len(plan):,} seats, {len(plan.segments):,} row segments: store microseconds a hold"
        )
        for name, micros in (("empty", empty), ("99% sold", full), ("scattered", thin)):
            print(f"  {name:10} {micros.beside(empty)}")
    print(f"{sizes[-1]:,} seats beside {sizes[0]:,}: {empties[-1].beside(empties[0])}")


@dataclass(frozen=True)
class Turn:
    """What one side did in one window: calls per second, and processor time a call."""

    per_second: float
    process_micros: float
    store_micros: float

    @property
    def micros(self) -> float:
        """Both processes together."""
        return self.process_micros + self.store_micros


async def turn(
    one_call: Callable[[int], Awaitable[object]], numbers: Iterator[int], store_clock: int
) -> Turn:
    """One window: rounds of CALLERS at once."""
    calls = ROUNDS * CALLERS
    process, store = time.process_time(), time.clock_gettime(store_clock)
    started = time.perf_counter()
    for _ in range(ROUNDS):
        await asyncio.gather(*[one_call(next(numbers)) for _ in range(CALLERS)])
    seconds = time.perf_counter() - started
    process, store = time.process_time() - process, time.clock_gettime(store_clock) - store
    return Turn(calls / seconds, process / calls * 1e6, store / calls * 1e6)


async def core_rates(executor: Executor, seats: int, windows: int) -> None:
    """Holds per second through `SaleInventory`, beside the two-command script."""
    plan = compile_plan(plan_json(seats), SETTINGS)
    hold_request = HoldRequest((), BestAvailable(quantity=2), frozenset(), ())
    clock = await clock_of_store(executor)
    numbers = itertools.count()
    least: list[Turn] = []
    held: list[Turn] = []

    async def two_commands(_: int) -> object:
        return await executor.run(NAME, KEYS, (PAYLOAD,))

    # As many windows as fill a quarter of the plan, but one at least: it takes 600 seats of 1000.
    windows_a_sale = max(1, seats // 4 // (ROUNDS * CALLERS))
    while len(held) < windows:
        sale = await Sale.install(executor, plan, make_image(plan, SETTINGS))
        inventory = SaleInventory("bench", sale.ref, plan, SETTINGS, sale.calls)

        async def one_hold(number: int, inventory: SaleInventory = inventory) -> object:
            buyer = BuyerRef(str(number), str(number))
            return await inventory.hold(hold_request, buyer, key=str(number), digest="d")

        for _ in range(min(windows - len(held), windows_a_sale)):
            least.append(await turn(two_commands, numbers, clock))
            held.append(await turn(one_hold, numbers, clock))
    report_rates(held, least)


def report_rates(held: list[Turn], least: list[Turn]) -> None:
    """Median and best window by calls per second, and by processor time, which neighbours on the
    machine disturb less.
    """
    for name, of in (("median", statistics.median), ("best", max)):
        ours, least_rate = of(t.per_second for t in held), of(t.per_second for t in least)
        print(
            f"{name:7} {ours:9,.0f} holds/s   {least_rate:9,.0f} two-command calls/s   "
            f"{ours / least_rate:.2f}x"
        )
    for name, least_of in (("median", statistics.median), ("best", min)):
        parts = [
            least_of(getattr(t, part) for t in side)
            for side in (held, least)
            for part in ("process_micros", "store_micros", "micros")
        ]
        print(
            f"{name:7} {parts[0]:5.1f} + {parts[1]:5.1f} us a hold (process + store)   "
            f"{parts[3]:5.1f} + {parts[4]:5.1f} us a call   {parts[5] / parts[2]:.2f}x"
        )


async def bench(url: str, directory: Path, options: argparse.Namespace) -> None:
    """Both parts."""
    async with Executor(url, bundle_with_it(directory)) as executor:
        await script_costs(executor, options.seats, options.holds)
        await core_rates(executor, options.seats[-1], options.windows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seats", type=int, nargs="+", default=[1000, 60_000])
    parser.add_argument("--holds", type=int, default=3000)
    parser.add_argument("--windows", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with EmbeddedStore(directory / "data") as store:
            uvloop.run(bench(store.url, directory, options))


if __name__ == "__main__":
    main()
