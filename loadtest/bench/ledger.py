"""What a confirm costs in the ledger: beside raw inserts of the same rows, and one by one.

    python loadtest/bench/ledger.py [--orders 6000] [--rounds 3] [--callers 1000] [--url URL]

Three ways to write the same orders of two seats each into PostgreSQL, in turns, on as many
connections:

- raw: asyncpg's own `executemany` of ready-made rows, as many in a transaction as the core puts
  there; nothing is read, locked or decided;
- core: `Ledger.commit`, from callers that each wait for their order before they send the next;
- one by one: the core's own transaction, an order each.

What counts are the ratios, in one run. Without `--url` a PostgreSQL with its durable defaults
(fsync on) is started for the occasion.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import secrets
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
import uvloop

from holdfast_inventory.ledger import (
    Ledger,
    Order,
    OrderItem,
    OrderStatus,
    SaleDraft,
    SaleRecord,
    Sell,
    Verdict,
)
from holdfast_inventory.ledger.apply import apply_batch
from holdfast_inventory.ledger.database import ledger_url
from holdfast_inventory.ledger.group import MAX_BATCH
from holdfast_inventory.ledger.orders import row_of

CONNECTIONS = 2
SEATS_AN_ORDER = 2
ONE_BY_ONE_SHARE = 10
"""one by one is slow: it writes a tenth of the orders"""

Way = Callable[[Ledger, SaleRecord, list[Order]], Awaitable[None]]


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


async def raw(ledger: Ledger, sale: SaleRecord, orders: list[Order]) -> None:
    """Ready-made rows, batch by batch, straight into the driver."""
    url = ledger.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    rows = [tuple(row_of(order).values()) for order in orders]
    names = list(row_of(orders[0]))
    marks = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    insert = f"INSERT INTO orders ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - our names
    batches = iter(range(0, len(orders), MAX_BATCH))

    async def writer() -> None:
        connection = await asyncpg.connect(url)
        for first in batches:
            batch = slice(first, first + MAX_BATCH)
            seats = [(sale.uid, seat, o.id) for o in orders[batch] for seat in o.seats]
            async with connection.transaction():
                await connection.executemany(insert, rows[batch])
                await connection.executemany("INSERT INTO sold VALUES ($1, $2, $3)", seats)
        await connection.close()

    await asyncio.gather(*[writer() for _ in range(CONNECTIONS)])


def core(callers: int) -> Way:
    """Everything that a confirm does in the ledger."""

    async def run(ledger: Ledger, sale: SaleRecord, orders: list[Order]) -> None:
        todo = iter(orders)

        async def caller() -> None:
            for order in todo:
                outcome = await ledger.commit(Sell(sale.epoch, order))
                assert outcome.verdict is Verdict.DONE

        await asyncio.gather(*[caller() for _ in range(callers)])

    return run


async def one_by_one(ledger: Ledger, sale: SaleRecord, orders: list[Order]) -> None:
    """The same transaction for each order alone."""
    todo = iter(orders)

    async def writer() -> None:
        for order in todo:
            async with ledger.database.transaction() as connection:
                await apply_batch(connection, sale.uid, [Sell(sale.epoch, order)])

    await asyncio.gather(*[writer() for _ in range(CONNECTIONS)])


async def measure(ledger: Ledger, way: Way, count: int) -> float:
    """Orders per second of one way, in a fresh sale."""
    uid = secrets.token_hex(6)
    sale = await ledger.sales.create(SaleDraft(uid, f"bench-{uid}", b"{}"))
    orders = orders_of(sale, count)
    started = time.perf_counter()
    await way(ledger, sale, orders)
    elapsed = time.perf_counter() - started
    assert len(await ledger.orders.owners(uid)) == SEATS_AN_ORDER * count
    return count / elapsed


async def compare(url: str, options: argparse.Namespace) -> None:
    """Takes turns and prints the medians and their ratios."""
    ways: dict[str, tuple[Way, int]] = {
        "raw": (raw, options.orders),
        "core": (core(options.callers), options.orders),
        "one by one": (one_by_one, max(options.orders // ONE_BY_ONE_SHARE, 1)),
    }
    async with opened(url) as ledger:
        for way, count in ways.values():  # the first turn warms caches and tables up
            await measure(ledger, way, max(count // 10, 1))
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for name, (way, count) in itertools.chain.from_iterable(
            itertools.repeat(list(ways.items()), options.rounds)
        ):
            rates[name].append(await measure(ledger, way, count))
    medians = {name: statistics.median(each) for name, each in rates.items()}
    for name, rate in medians.items():
        print(f"{name:12} {rate:9,.0f} confirmed orders/s")
    print(f"core / raw         {medians['core'] / medians['raw']:6.2f}x   (goal 0.40x)")
    print(f"core / one by one  {medians['core'] / medians['one by one']:6.2f}x   (goal 3x)")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Ledger]:
    """The ledger with its schema."""
    ledger = await Ledger.open(url)
    await ledger.migrate()
    yield ledger
    await ledger.close()


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """The given database, or one on a server that lives as long as the benchmark."""
    if url is not None:
        yield ledger_url(url).render_as_string(hide_password=False)
        return
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    import services  # beside the tests, since a benchmark is run from a checkout

    with services.postgresql(durable=True) as server:
        yield services.create_postgres_database(server)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--orders", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--seconds", help=argparse.SUPPRESS)  # what `make bench` may pass to all
    parser.add_argument("--url")
    options = parser.parse_args()
    with database(options.url) as url:
        uvloop.run(compare(url, options))


if __name__ == "__main__":
    main()
