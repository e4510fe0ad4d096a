"""The life of a hold in docs/lifecycles.md is what the scripts do with it in a real store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from msgspec.structs import replace
from support.inventory.harness import HOLD_MAX_MS, HOLD_MS, Clock, Make, Stock
from support.lifecycle_diagrams import NOWHERE, changes, read_diagram

from holdfast_lua.bundle.header import read_header
from holdfast_lua.bundle.loader import LUA_DIR
from holdfast_lua.calls.records import HoldStatus

ID = "the-hold"
BUYER = "bea"
DAY_MS = 24 * HOLD_MAX_MS
SPARE = ("z1-2-1", "z1-2-2")
"""seats that the hold is never on"""

Act = Callable[[Stock], Awaitable[object]]
Wait = Callable[[int], Awaitable[None]]


async def hold(stock: Stock, digest: str = "digest") -> object:
    seats = stock.seats("z1-1-1", "z1-1-2")
    return await stock.hold(seats, hold_id=ID, buyer=BUYER, digest=digest)


async def pay(stock: Stock) -> object:
    return await stock.calls.begin_paying(stock.ref, ID)


async def begin(stock: Stock, *, reacquire: bool = False) -> object:
    return await stock.calls.begin_confirm(stock.ref, ID, reacquire=reacquire, limit=0)


async def finish(stock: Stock) -> object:
    return await stock.calls.finish_confirm(stock.ref, ID, order_ref="order")


async def release(stock: Stock, owner: str = "") -> object:
    return await stock.calls.release_hold(stock.ref, ID, owner=owner)


async def cancel(stock: Stock) -> object:
    return await stock.calls.cancel_hold(stock.ref, ID, buyer=BUYER)


async def sweep(stock: Stock) -> object:
    return await stock.calls.expire_holds(stock.ref)


async def abort(stock: Stock, reason: str) -> object:
    return await stock.calls.abort_confirm(stock.ref, ID, reason=reason)


async def book(stock: Stock, *guids: str) -> object:
    """As an order on these seats, which are free or the hold's own, would be."""
    example = await stock.hold(stock.seats("z1-3-1", "z1-3-2"), hold_id="example")
    assert example.hold is not None
    await stock.calls.release_hold(stock.ref, "example", owner="")
    other = await stock.hold(stock.seats(*guids), hold_id="rows") if guids else example
    if other.hold is not None:
        await stock.calls.release_hold(stock.ref, "rows", owner="")
        sold = replace(other.hold, id=ID, buyer=BUYER)
    else:
        known = (await stock.calls.read_hold(stock.ref, ID)).hold
        assert known is not None
        sold = known
    return await stock.calls.book_hold(stock.ref, sold, order_ref="order")


def operations() -> Iterator[tuple[str, Act]]:
    """Every script that changes holds, in each way that leads elsewhere."""
    yield "hold_seats", hold
    yield "hold_seats", lambda stock: hold(stock, "another request")
    yield (
        "extend_hold",
        lambda stock: stock.calls.extend_hold(
            stock.ref, ID, owner=BUYER, version=0, extend_ms=HOLD_MAX_MS
        ),
    )
    yield "release_hold", release
    yield "release_hold", lambda stock: release(stock, BUYER)
    yield "cancel_hold", cancel
    yield "expire_holds", sweep
    yield "begin_paying", pay
    yield "begin_confirm", begin
    yield "begin_confirm", lambda stock: begin(stock, reacquire=True)
    yield (
        "reacquire_hold",
        lambda stock: stock.calls.reacquire_hold(
            stock.ref, ID, [stock.choice(2, categories="A")], limit=0, seed=0
        ),
    )
    yield "finish_confirm", finish
    yield "abort_confirm", lambda stock: abort(stock, "expired")
    yield "abort_confirm", lambda stock: abort(stock, "refused")
    yield "book_hold", lambda stock: book(stock, "z1-1-1", "z1-1-2")
    yield "book_hold", lambda stock: book(stock, *SPARE)
    yield "drop_hold", lambda stock: stock.calls.drop_hold(stock.ref, ID, reason="ledger_conflict")
    for offsets in (slice(2), slice(1)):
        yield "free_seats", partial(free, part=offsets)
    yield (
        "require_refund",
        lambda stock: stock.calls.require_refund(
            stock.ref, ID, order_ref="order", amount=1, reason="expired"
        ),
    )


async def free(stock: Stock, part: slice) -> object:
    seats = stock.indices("z1-1-1", "z1-1-2")[part]
    return await stock.calls.free_seats(stock.ref, ID, seats=seats)


def ways(wait: Wait) -> Iterator[tuple[Act, ...]]:
    """To every status, with and without an order in the ledger, swept and not."""

    async def overdue(_: Stock) -> None:
        await wait(2 * HOLD_MAX_MS)

    async def long_over(_: Stock) -> None:
        await wait(2 * DAY_MS)

    yield ()
    for ledger in ((), (pay,)):
        yield (hold, *ledger)
        yield hold, *ledger, begin
        yield hold, *ledger, begin, finish
        yield hold, *ledger, release
        yield hold, *ledger, release, long_over
        yield hold, *ledger, overdue
        yield hold, *ledger, overdue, sweep
        yield hold, *ledger, overdue, sweep, long_over
    yield (cancel,)


async def status(stock: Stock) -> str:
    """The status that everybody sees, its deadline included."""
    answer = await stock.calls.read_hold(stock.ref, ID)
    return answer.hold.status_at(answer.now_ms).name.lower() if answer.hold else NOWHERE


def test_every_script_that_changes_holds_is_tried() -> None:
    folders = (LUA_DIR / "scripts" / name for name in ("holds", "orders"))
    files = [file for folder in folders for file in folder.iterdir()]
    headers = {file.stem: read_header(file.stem, file.read_text("utf-8")) for file in files}
    changing = {name for name, header in headers.items() if "no-writes" not in header.flags}
    assert {name for name, _ in operations()} == changing


async def test_diagram_is_what_scripts_and_time_do(make_stock: Make, clock: Clock) -> None:
    seen: set[tuple[str, str, str]] = set()
    for way in ways(clock.advance_ms):
        for name, act in [*operations(), ("the deadline", None)]:
            stock = await make_stock()
            for step in way:
                await step(stock)
            before = await status(stock)
            if act is None:
                await clock.advance_ms(HOLD_MS + HOLD_MAX_MS)
            else:
                await act(stock)
            seen.add((before, await status(stock), name))
    diagram = read_diagram("A hold")
    assert diagram.states == {status.name.lower() for status in HoldStatus}
    assert diagram.arrows == changes(seen)
