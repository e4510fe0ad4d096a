"""What a confirm costs in the ledger: beside raw inserts of the same rows, and one by one.

    python loadtest/bench/ledger.py [--orders 6000] [--rounds 5] [--callers 1000]
                                    [--database postgresql|mariadb|sqlite] [--url URL]

The same orders of two seats each are written in these ways, in turns, on as many connections:

- raw: what a careful engineer writes for PostgreSQL who has nothing to check. Ready-made rows,
  straight into asyncpg by prepared statements, the very INSERT that the core uses, its text made
  beforehand, in transactions as large as the core's largest. Nothing is read, locked or decided;
- core: `Ledger.commit`, from callers that each wait for their order before they send the next;
- one by one: the core's own transaction, an order each.

A second pair does so for orders that are first written as pending, in a transaction of their own,
as `POST .../paying` does before the buyer is charged; an order counts when it is confirmed.

What counts are the ratios, in one run: of orders per second, and, steadier where others use the
machine too, of the processor time that this process and the database took for an order. Without
`--url` a server with durable defaults (fsync on) is started for the occasion. On MariaDB and SQLite
there is no raw side; they are for information.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop
from msgspec.structs import replace
from sqlalchemy import PoolProxiedConnection

from bench.kit.databases import DATABASES, Served, database, opened
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
from holdfast_ledger.orders import row_of
from holdfast_ledger.transactions.apply import apply_batch
from holdfast_ledger.transactions.group_commit import MAX_BATCH
from holdfast_loadtest.processes import tree_seconds

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
            records([row_of(pending(order)) for order in batch]),
            records([row_of(order) for order in batch]),
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
            for pend, sell in todo:
                for intent in (pend, sell) if pays_first else (sell,):
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


@dataclass(frozen=True)
class Reading:
    """One way, once."""

    per_second: float
    micros: float
    """of processor time an order, in this process and in the database if it is ours"""


async def measure(ledger: Ledger, way: Way, count: int, pid: int = 0) -> Reading:
    """So many orders in a fresh sale; `pid` is the database server's."""
    uid = secrets.token_hex(6)
    sale = await ledger.sales.create(SaleDraft(uid, f"bench-{uid}", b"{}"))
    run = await way(ledger, sale, orders_of(sale, count))
    started, spent = time.perf_counter(), _processor_seconds(pid)
    await run()
    elapsed, spent = time.perf_counter() - started, _processor_seconds(pid) - spent
    assert len(await ledger.orders.owners(uid)) == SEATS_AN_ORDER * count
    return Reading(count / elapsed, spent / count * 1e6)


def _processor_seconds(pid: int) -> float:
    return time.process_time() + (tree_seconds(pid) if pid else 0.0)


def ways_for(family: str, options: argparse.Namespace) -> dict[str, tuple[Way, int]]:
    """What is compared on this kind of database, and how many orders each way writes."""
    few = max(options.orders // ONE_BY_ONE_SHARE, 1)
    ways: dict[str, tuple[Way, int]] = {"core": (core(options.callers, False), options.orders)}
    if family == "postgresql":
        ways["raw"] = (raw(False), options.orders)
    ways["one by one"] = (one_by_one, few)
    ways["core after paying"] = (core(options.callers, True), options.orders)
    if family == "postgresql":
        ways["raw after paying"] = (raw(True), options.orders)
    return ways


RATIOS = (
    ("core", "raw", "goal 0.40x"),
    ("core", "one by one", "goal 3x"),
    ("core after paying", "raw after paying", ""),
)


async def compare(served: Served, options: argparse.Namespace) -> None:
    """Takes turns, and prints the medians and the ratios of each round."""
    async with opened(served.url) as ledger:
        family = ledger.database.family
        ways = ways_for(family, options)
        for way, count in ways.values():  # the first turn warms caches and tables up
            await measure(ledger, way, max(count // 10, 1))
        readings: dict[str, list[Reading]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, (way, count) in ways.items():
                readings[name].append(await measure(ledger, way, count, served.pid))
    print(f"{family}, {options.orders:,} orders of {SEATS_AN_ORDER} seats, {options.rounds} rounds")
    for name, each in readings.items():
        rate = statistics.median(reading.per_second for reading in each)
        micros = statistics.median(reading.micros for reading in each)
        print(f"{name:18} {rate:7,.0f} confirmed orders/s {micros:7,.0f} us of processor an order")
    for upper, lower, goal in RATIOS:
        if lower in readings:
            pairs = list(zip(readings[upper], readings[lower], strict=True))
            by_rate = _spread([a.per_second / b.per_second for a, b in pairs])
            by_time = _spread([b.micros / a.micros for a, b in pairs])
            print(f"{upper} / {lower}: {by_rate}, by processor time {by_time}  {goal}")


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f}x ({min(ratios):.2f}-{max(ratios):.2f})"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--orders", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--database", choices=DATABASES, default=DATABASES[0])
    parser.add_argument("--seconds", help=argparse.SUPPRESS)  # what `make bench` may pass to all
    parser.add_argument("--url")
    options = parser.parse_args()
    with database(options.url, options.database) as served:
        uvloop.run(compare(served, options))


if __name__ == "__main__":
    main()
