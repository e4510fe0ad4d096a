"""How fast is a whole plan sold, and do store, ledger and buyers agree after it?

    python loadtest/bench/soldout.py [--seats 5000] [--buyers 30] [--ways core paying http]

Buyers (see `holdfast_loadtest.sellout`) hold and confirm until nothing is left; the clock runs from
the first hold to the last confirmation. The store is the embedded one with its append-only file,
the ledger a PostgreSQL with its durable defaults (fsync on), started for the occasion, unless
`--url` names another database. Nothing of it is taken from the measurement: buyers, core, store and
database share the machine's processors.

- core: the buyers call `SaleInventory` and `ConfirmService` in this process, without HTTP;
- paying: the same, and each says that it begins to pay before it does;
- http: `holdfast serve` with one worker in between; the buyers' own work is then the client's.

At the end of each sale the books are compared: seats booked in the store, rows of `sold`, and what
the buyers were told. It fails when they differ, or when a sale takes longer than `--minutes`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bench.kit.clocks import (
    Clock,
    Meter,
    Sample,
    process_clock,
    store_clock,
    this_process,
    tree_clock,
)
from bench.kit.command import Bench, Recorder
from bench.kit.databases import Served, database, opened
from bench.kit.plans import SETTINGS, plan_json
from bench.kit.store import all_holds, install_seats
from bench.kit.turns import Comparison, Side, Turn
from holdfast_inventory.holds.hold_requests import BestAvailable, BuyerRef, HoldRequest
from holdfast_inventory.holds.inventory_image import make_image
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import ConfirmRequest, ConfirmService
from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_ledger import Ledger, SaleDraft
from holdfast_ledger.errors import RETRY_AFTER_SECONDS, LedgerUnavailable
from holdfast_loadtest.client import Client, open_session
from holdfast_loadtest.sellout import (
    Account,
    Held,
    Refused,
    Sellout,
    SelloutCalls,
    SelloutFailed,
    report_progress,
)
from holdfast_loadtest.storefront import HttpStorefront
from holdfast_lua import EmbeddedStore, Executor, SaleRef
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.records import HoldStatus
from holdfast_web.errors import HoldfastError

CONFLICT = 409
PROGRESS_SECONDS = 2.0
CORE, PAYING, HTTP = WAYS = ("core", "paying", "http")
AGREED: Final = "store, ledger and buyers agree on every seat"
SHARES = (0.5, 0.99)
TRIES: Final = 10
"""of a call that finds no ledger"""


@dataclass(frozen=True)
class Venue:
    """Where a sale is sold: the way to sell, the books behind it, who does the work."""

    storefront: SelloutCalls
    executor: Executor
    ledger: Ledger
    ref: SaleRef
    plan: Plan
    processes: Mapping[str, int]
    background: BackgroundTasks = field(default_factory=BackgroundTasks)


class CoreStorefront:
    """The core in this process, called as the handlers of the API call it."""

    def __init__(
        self, context: SaleContext, inventory: SaleInventory, background: BackgroundTasks
    ) -> None:
        self._context = context
        self._inventory = inventory
        self._confirm_service = ConfirmService(background)
        self._keys = itertools.count()

    async def states(self) -> str:
        return (await self._inventory.seat_map()).reading.states.decode()

    async def best(self, buyer: str, quantity: int) -> Held:
        best = BestAvailable(quantity=quantity)
        return await self._hold(buyer, HoldRequest((), best, frozenset(), ()))

    async def seats(self, buyer: str, seats: tuple[int, ...]) -> Held:
        return await self._hold(buyer, HoldRequest(seats, None, frozenset(), ()))

    async def paying(self, held: Held) -> None:
        await _repeated(lambda: begin_paying(self._context, held.id))

    async def confirm(self, held: Held) -> None:
        payment = ConfirmRequest(f"order-{held.id}", f"paid-{held.id}", held.total)
        await _repeated(lambda: self._confirm_service.confirm(self._context, held.id, payment))

    async def release(self, buyer: str, held: Held) -> None:
        await self._inventory.release(held.id, owner=buyer, version=0)

    async def _hold(self, buyer: str, hold_request: HoldRequest) -> Held:
        who = BuyerRef(buyer, "key:bench")
        try:
            answer = await self._inventory.hold(
                hold_request, who, key=str(next(self._keys)), digest="d"
            )
        except HoldfastError as refusal:
            if refusal.code.status == CONFLICT:
                raise Refused(refusal.code.value) from refusal
            raise
        return _held(answer)


async def _repeated(call: Callable[[], Awaitable[object]]) -> None:
    """Calls again while the ledger is away, as a shop does that is answered 503."""
    for _ in range(TRIES):
        try:
            await call()
            return
        except LedgerUnavailable:
            await asyncio.sleep(RETRY_AFTER_SECONDS)
    await call()


def _held(answer: HoldAnswer) -> Held:
    assert answer.hold is not None
    return Held(answer.hold.id, tuple(answer.hold.seats), answer.hold.total)


def fresh_name() -> str:
    """A name that earlier runs in a database that was given do not have."""
    return f"soldout-{secrets.token_hex(4)}"


@asynccontextmanager
async def core(url: str, seats: int, directory: Path) -> AsyncIterator[Venue]:
    """Opens a sale whose core runs in this process."""
    plan = compile_plan(plan_json(seats), SETTINGS)
    async with AsyncExitStack() as stack:
        store = stack.enter_context(EmbeddedStore(directory / "data"))
        executor = await stack.enter_async_context(Executor(store.url))
        ledger = await stack.enter_async_context(opened(url))
        sale = await ledger.sales.create(SaleDraft(secrets.token_hex(6), fresh_name(), b"{}"))
        ref = SaleRef(sale.uid, sale.epoch)
        calls = await install_seats(executor, ref, sale.name, make_image(plan, SETTINGS))
        inventory = SaleInventory(sale.name, ref, plan, SETTINGS, calls)
        background = BackgroundTasks()
        storefront = CoreStorefront(SaleContext(inventory, ledger), inventory, background)
        yield Venue(storefront, executor, ledger, ref, plan, {"service": 0}, background)


@asynccontextmanager
async def http(url: str, seats: int, directory: Path) -> AsyncIterator[Venue]:
    """`holdfast serve` with one worker, and the buyers outside of it."""
    from support.service import running  # beside the tests, which `database` has put on the path

    body = plan_json(seats)
    plan = compile_plan(body, SETTINGS)
    async with AsyncExitStack() as stack:
        service = running.launch(directory / "data", HOLDFAST_LEDGER_URL=url)
        stack.callback(service.stop)
        await asyncio.to_thread(running.await_ready, service)
        client = Client(await stack.enter_async_context(open_session()), service.url, fresh_name())
        storefront = HttpStorefront(client, service.operator_key, plan.guids)
        uid = await storefront.put_on_sale(
            {"name": "Sold out", "prices": dict(SETTINGS.prices), "plan": json.loads(body)}
        )
        store = EmbeddedStore(service.data_dir)
        executor = await stack.enter_async_context(Executor(store.url))
        ledger = await stack.enter_async_context(opened(url))
        (worker,) = service.workers()
        processes = {"service": worker, "client": 0}
        yield Venue(storefront, executor, ledger, SaleRef(uid, 1), plan, processes)


async def sell_out(
    venue: Venue, options: argparse.Namespace, *, pays_first: bool = False
) -> Account:
    """Sells the plan out, and shows the progress on stderr."""
    sellout = Sellout(venue.storefront, len(venue.plan), options.buyers, pays_first)
    say = partial(print, file=sys.stderr, flush=True)
    progress = asyncio.create_task(report_progress(sellout, say, PROGRESS_SECONDS))
    try:
        account = await sellout.run(options.minutes * 60)
    finally:
        progress.cancel()
    await venue.background.drain()
    return account


async def differences(venue: Venue, account: Account) -> list[str]:
    """Where store, ledger and what the buyers were told do not say the same; none is as it should
    be.
    """
    seats = len(venue.plan)
    told = {seat: order for order, taken in account.bought.items() for seat in taken}
    owners = await venue.ledger.orders.owners(venue.ref.uid)
    calls = InventoryCalls(venue.executor)
    holds = [hold async for hold in all_holds(calls, venue.ref)]
    confirmed = [hold for hold in holds if hold.status is HoldStatus.CONFIRMED]
    booked = {seat: hold.id for hold in confirmed for seat in hold.seats}
    reading = await calls.read_seats(venue.ref)
    facts = {
        "a seat was confirmed to two buyers": len(told) != account.sold,
        f"`sold` has {len(owners):,} rows": len(owners) != seats,
        "buyers were told otherwise than the ledger has it": told != owners,
        "the store's orders are not the ledger's": booked != owners,
        f"the store counts {reading.booked:,} booked": reading.booked != seats,
        "a seat of the map is not booked": reading.states != b"b" * seats,
    }
    return [fact for fact, is_true in facts.items() if is_true]


def figures(account: Account) -> Iterator[str]:
    """What the buyers saw, line by line."""
    orders = len(account.bought)
    yield (
        f"{account.sold:,} seats in {orders:,} orders: {account.elapsed:.1f} s, "
        f"{account.sold / account.elapsed:,.0f} seats/s, {orders / account.elapsed:,.0f} orders/s"
    )
    for operation, seconds in account.seconds.items():
        p50, p99 = (account.percentile_ms(operation, share) for share in SHARES)
        yield f"{operation:8} {len(seconds):7,} done   p50 {p50:7.1f} ms  p99 {p99:7.1f} ms"
    reasons = ", ".join(f"{n:,} {code}" for code, n in account.refusals.most_common())
    yield f"refused  {account.refusals.total():7,} holds  {reasons}"


async def clocks_of(venue: Venue, served: Served) -> dict[str, Clock]:
    """Processor time of each part; in this process the buyers' is the service's."""
    clocks: dict[str, Clock] = {"store": await store_clock(venue.executor)}
    for part, pid in venue.processes.items():
        clocks[part] = process_clock(pid) if pid else this_process
    if served.pid:
        clocks["ledger"] = tree_clock(served.pid)
    return clocks


def selling(way: str, served: Served, options: argparse.Namespace) -> Turn:
    """A turn that is a whole sale; an operation is an order."""
    enter = http if way == HTTP else core

    async def turn() -> Sample:
        with tempfile.TemporaryDirectory() as name:
            async with enter(served.url, options.seats, Path(name)) as venue:
                with Meter(await clocks_of(venue, served)) as meter:
                    account = await sell_out(venue, options, pays_first=way == PAYING)
                print("\n".join([way, *figures(account)]), flush=True)
                if broken := await differences(venue, account):
                    raise SystemExit("; ".join(broken))
                print(AGREED, flush=True)
        return meter.sample(len(account.bought), account.refusals.total())

    return turn


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Sells in every way in turns."""
    with database(options.url) as served:
        try:
            await recorder.compare(
                Comparison(
                    f"{options.seats:,} seats sold",
                    options.ways[0],
                    [Side(way, selling(way, served, options)) for way in options.ways],
                    ("service", "store", "ledger") if served.pid else ("service", "store"),
                    unit="orders",
                )
            )
        except SelloutFailed as failure:
            raise SystemExit(str(failure)) from failure


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--seats", type=int, default=5_000)
    add("--buyers", type=int, default=30, help="how many buy at a time")
    add("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    add("--minutes", type=float, default=10.0, help="the longest that a sale may take")
    add("--url", help="another database than a PostgreSQL of its own")


BENCH: Final = Bench(
    "soldout", __doc__, measure, 1, add_options, quick={"seats": 1_000, "rounds": 1}, warm_up=0
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
