"""What does a confirm cost in the ledger, beside raw inserts of the same rows, and one by one?

    python loadtest/bench/ledger.py [--orders 3000] [--rounds 4] [--callers 1000]
                                    [--database postgresql|mariadb|sqlite] [--url URL]

The same orders of two seats each are written in these ways, in turns, on as many connections:

- raw: what a careful engineer writes for PostgreSQL who has nothing to check. Ready-made rows,
  straight into asyncpg by prepared statements, the very INSERT that the core uses, its text made
  beforehand, in transactions as large as the core's largest. Nothing is read, locked or decided;
- core: `Ledger.commit`, from callers that each wait for their order before they send the next;
- one by one: the core's own transaction, an order each.

A second pair does so for orders that are first written as pending, in a transaction of their own,
as `POST .../paying` does before the buyer is charged; an order counts when it is confirmed.

The ratio by processor time is that of this process and the database. Without `--url` a server with
durable defaults (fsync on) is started for the occasion. On MariaDB and SQLite there is no raw side;
they are for information.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import PoolProxiedConnection

from bench.kit.clocks import Clock, Meter, Sample, this_process, tree_clock
from bench.kit.command import Bench, Recorder
from bench.kit.databases import DATABASES, database, opened
from bench.kit.results import Aim
from bench.kit.turns import Comparison, Side, Turn
from holdfast_ledger import (
    Ledger,
    MarkPending,
    Order,
    OrderItem,
    OrderStatus,
    SaleDraft,
    SaleRecord,
    Sell,
    Verdict,
)
from holdfast_ledger.database.bulk import insert_of_records, records, update_of_records
from holdfast_ledger.database.schema import orders as orders_table
from holdfast_ledger.database.schema import sold as sold_table
from holdfast_ledger.transactions.apply import apply_batch
from holdfast_ledger.transactions.group_commit import MAX_BATCH

CONNECTIONS = 2
SEATS_AN_ORDER = 2
ONE_BY_ONE_SHARE = 10
"""one by one is slow: it writes a tenth of the orders"""
PENDING_UNTIL_MS = 2**40

Run = Callable[[], Awaitable[None]]
Way = Callable[[Ledger, SaleRecord, list[Order]], Awaitable[Run]]
"""gets ready, and answers what is timed"""


def orders_of(sale: SaleRecord, count: int) -> list[Order]:
    """Paid orders of two seats, no seat twice."""
    return [
        Order(
            sale_uid=sale.uid,
            id=f"{number:08d}{secrets.token_hex(4)}",
            status=OrderStatus.SOLD,
            buyer=f"buyer-{number}",
            hold_version=2,
            total=9000,
            currency="EUR",
            items=tuple(
                OrderItem(
                    f"Stalls, row {seat // 40}, seat {seat % 40}",
                    "A",
                    4500,
                    seat=f"guid-{seat}",
                    index=seat,
                )
                for seat in (2 * number, 2 * number + 1)
            ),
            next_to_each_other=True,
            created_ms=1_000 + number,
            updated_ms=1_000 + number,
            order_ref=f"ref-{number}",
            payment_ref=f"pay-{number}",
            amount=9000,
        )
        for number in range(count)
    ]


def pending(order: Order) -> Order:
    """The order before it was paid."""
    return replace(
        order,
        status=OrderStatus.PENDING,
        hold_version=1,
        payment_ref=None,
        amount=None,
        due_ms=PENDING_UNTIL_MS,
    )


def raw(pays_first: bool) -> Way:
    """The rows are ready, as the text that is sent, before the clock starts."""

    async def get_ready(ledger: Ledger, sale: SaleRecord, orders: list[Order]) -> Run:
        batches = [orders[at : at + MAX_BATCH] for at in range(0, len(orders), MAX_BATCH)]
        todo = iter([Batch.of(sale.uid, batch) for batch in batches])
        writers = [await RawWriter.open(ledger) for _ in range(CONNECTIONS)]

        async def run() -> None:
            await asyncio.gather(*[writer.write(todo, pays_first) for writer in writers])

        return run

    return get_ready


@dataclass(frozen=True)
class Batch:
    """The rows of one transaction, as they are sent."""

    pending: str
    paid: str
    seats: str

    @classmethod
    def of(cls, uid: str, batch: Sequence[Order]) -> Batch:
        taken = [(seat, order.id) for order in batch for seat in order.seats]
        return cls(
            records([pending(order) for order in batch]),
            records(batch),
            records([{"sale_uid": uid, "seat": seat, "order_id": owner} for seat, owner in taken]),
        )


@dataclass(frozen=True)
class RawWriter:
    """A connection of the ledger's pool, so with its settings, and its statements prepared."""

    borrowed: PoolProxiedConnection
    # asyncpg has no types.
    connection: Any
    insert: Any
    update: Any
    take: Any

    @classmethod
    async def open(cls, ledger: Ledger) -> RawWriter:
        borrowed = await ledger.database.engine.raw_connection()
        connection: Any = borrowed.driver_connection
        dialect = ledger.database.engine.dialect
        return cls(
            borrowed,
            connection,
            insert=await connection.prepare(insert_of_records(orders_table, dialect)),
            update=await connection.prepare(update_of_records(orders_table, dialect)),
            take=await connection.prepare(insert_of_records(sold_table, dialect)),
        )

    async def write(self, batches: Iterator[Batch], pays_first: bool) -> None:
        settle = self.update if pays_first else self.insert
        for batch in batches:
            if pays_first:
                async with self.connection.transaction():
                    await self.insert.fetch(batch.pending)
            async with self.connection.transaction():
                await settle.fetch(batch.paid)
                await self.take.fetch(batch.seats)
        self.borrowed.close()


def core(callers: int, pays_first: bool) -> Way:
    """Everything that a confirm does in the ledger."""

    async def get_ready(ledger: Ledger, sale: SaleRecord, orders: list[Order]) -> Run:
        todo = iter([(MarkPending(sale.epoch, pending(o)), Sell(sale.epoch, o)) for o in orders])

        async def caller() -> None:
            for begin, sell in todo:
                for intent in (begin, sell) if pays_first else (sell,):
                    outcome = await ledger.commit(intent)
                    assert outcome.verdict is Verdict.DONE

        async def run() -> None:
            await asyncio.gather(*[caller() for _ in range(callers)])

        return run

    return get_ready


async def one_by_one(ledger: Ledger, sale: SaleRecord, orders: list[Order]) -> Run:
    """The same transaction for each order alone."""
    todo = iter(orders)

    async def writer() -> None:
        for order in todo:
            async with ledger.database.transaction() as connection:
                await apply_batch(connection, sale.uid, [Sell(sale.epoch, order)])

    async def run() -> None:
        await asyncio.gather(*[writer() for _ in range(CONNECTIONS)])

    return run


def writing(ledger: Ledger, way: Way, count: int, clocks: Mapping[str, Clock]) -> Turn:
    """A turn in which so many orders of a fresh sale are written."""

    async def turn() -> Sample:
        uid = secrets.token_hex(6)
        sale = await ledger.sales.create(SaleDraft(uid, f"bench-{uid}", b"{}"))
        run = await way(ledger, sale, orders_of(sale, count))
        with Meter(clocks) as meter:
            await run()
        assert len(await ledger.orders.owners(uid)) == SEATS_AN_ORDER * count
        return meter.sample(count)

    return turn


RAW, CORE, ALONE = "raw inserts", "core", "one by one"
CONFIRM_AIM, PAYING_AIM, GAIN_AIM = 0.40, 0.55, 3.0


def comparisons(
    ledger: Ledger, clocks: Mapping[str, Clock], options: argparse.Namespace
) -> Iterator[Comparison]:
    """Confirms of orders, and of orders that were written as pending before."""
    few = max(options.orders // ONE_BY_ONE_SHARE, 1)
    is_raw = ledger.database.family == "postgresql"

    def side(name: str, way: Way, count: int = options.orders) -> Side:
        return Side(name, writing(ledger, way, count, clocks))

    ours = side(CORE, core(options.callers, pays_first=False))
    if is_raw:
        ready = side(RAW, raw(pays_first=False))
        yield _comparison("confirm", ready, ours, Aim(CORE, CONFIRM_AIM), clocks)
    alone = side(ALONE, one_by_one, few)
    yield _comparison("confirm, in groups", alone, ours, Aim(CORE, GAIN_AIM, by="rate"), clocks)
    if is_raw:
        ours = side(CORE, core(options.callers, pays_first=True))
        ready = side(RAW, raw(pays_first=True))
        yield _comparison("confirm after paying", ready, ours, Aim(CORE, PAYING_AIM), clocks)


def _comparison(
    name: str, yardstick: Side, ours: Side, aim: Aim, clocks: Mapping[str, Clock]
) -> Comparison:
    return Comparison(name, yardstick.name, [yardstick, ours], tuple(clocks), [aim], "orders")


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Measures on the database that is asked for."""
    with database(options.url, options.database) as served:
        clocks = {"service": this_process}
        if served.pid:
            clocks["ledger"] = tree_clock(served.pid)
        async with opened(served.url) as ledger:
            for comparison in comparisons(ledger, clocks, options):
                await recorder.compare(comparison)


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--orders", type=int, default=3000, help="of each turn")
    add("--callers", type=int, default=1000, help="as many wait for their order at a time")
    add("--database", choices=DATABASES, default=DATABASES[0])
    add("--url", help="another database than one of the benchmark's own")


BENCH: Final = Bench("ledger", __doc__, measure, 8, add_options, quick={"orders": 500})

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
