"""The life of a hold in docs/lifecycles.md is what the scripts do with it in a real store."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from msgspec.structs import replace
from support.inventory.harness import HOLD_MAX_MS, HOLD_MS, Clock, InventoryHarness, Make
from support.lifecycle_diagrams import NOWHERE, changes, read_diagram

from holdfast_lua.bundle.header import read_header
from holdfast_lua.bundle.loader import LUA_DIR
from holdfast_lua.calls.records import HoldStatus

ID = "the-hold"
BUYER = "bea"
DAY_MS = 24 * HOLD_MAX_MS
SPARE = ("z1-2-1", "z1-2-2")
"""seats that the hold is never on"""

Act = Callable[[InventoryHarness], Awaitable[object]]
Wait = Callable[[int], Awaitable[None]]


async def hold(harness: InventoryHarness, digest: str = "digest") -> object:
    seats = harness.seats("z1-1-1", "z1-1-2")
    return await harness.hold(seats, hold_id=ID, buyer=BUYER, digest=digest)


async def pay(harness: InventoryHarness) -> object:
    return await harness.calls.begin_paying(harness.ref, ID)


async def begin(harness: InventoryHarness, *, reacquire: bool = False) -> object:
    return await harness.calls.begin_confirm(harness.ref, ID, reacquire=reacquire, limit=0)


async def finish(harness: InventoryHarness) -> object:
    return await harness.calls.finish_confirm(harness.ref, ID, order_ref="order")


async def release(harness: InventoryHarness, owner: str = "") -> object:
    return await harness.calls.release_hold(harness.ref, ID, owner=owner)


async def cancel(harness: InventoryHarness) -> object:
    return await harness.calls.cancel_hold(harness.ref, ID, buyer=BUYER)


async def sweep(harness: InventoryHarness) -> object:
    return await harness.calls.expire_holds(harness.ref)


async def abort(harness: InventoryHarness, reason: str) -> object:
    return await harness.calls.abort_confirm(harness.ref, ID, reason=reason)


async def book(harness: InventoryHarness, *guids: str) -> object:
    """As an order on these seats, which are free or the hold's own, would be."""
    example = await harness.hold(harness.seats("z1-3-1", "z1-3-2"), hold_id="example")
    assert example.hold is not None
    await harness.calls.release_hold(harness.ref, "example", owner="")
    other = await harness.hold(harness.seats(*guids), hold_id="rows") if guids else example
    if other.hold is not None:
        await harness.calls.release_hold(harness.ref, "rows", owner="")
        sold = replace(other.hold, id=ID, buyer=BUYER)
    else:
        known = (await harness.calls.read_hold(harness.ref, ID)).hold
        assert known is not None
        sold = known
    return await harness.calls.book_hold(harness.ref, sold, order_ref="order")


def operations() -> Iterator[tuple[str, Act]]:
    """Every script that changes holds, in each way that leads elsewhere."""
    yield "hold_seats", hold
    yield "hold_seats", lambda harness: hold(harness, "another request")
    yield (
        "extend_hold",
        lambda harness: harness.calls.extend_hold(
            harness.ref, ID, owner=BUYER, version=0, extend_ms=HOLD_MAX_MS
        ),
    )
    yield "release_hold", release
    yield "release_hold", lambda harness: release(harness, BUYER)
    yield "cancel_hold", cancel
    yield "expire_holds", sweep
    yield "begin_paying", pay
    yield "begin_confirm", begin
    yield "begin_confirm", lambda harness: begin(harness, reacquire=True)
    yield (
        "reacquire_hold",
        lambda harness: harness.calls.reacquire_hold(
            harness.ref, ID, [harness.choice(2, categories="A")], limit=0, seed=0
        ),
    )
    yield "finish_confirm", finish
    yield "abort_confirm", lambda harness: abort(harness, "expired")
    yield "abort_confirm", lambda harness: abort(harness, "refused")
    yield "book_hold", lambda harness: book(harness, "z1-1-1", "z1-1-2")
    yield "book_hold", lambda harness: book(harness, *SPARE)
    yield (
        "drop_hold",
        lambda harness: harness.calls.drop_hold(harness.ref, ID, reason="ledger_conflict"),
    )
    for offsets in (slice(2), slice(1)):
        yield "free_seats", partial(free, part=offsets)
    yield (
        "require_refund",
        lambda harness: harness.calls.require_refund(
            harness.ref, ID, order_ref="order", amount=1, reason="expired"
        ),
    )


async def free(harness: InventoryHarness, part: slice) -> object:
    seats = harness.indices("z1-1-1", "z1-1-2")[part]
    return await harness.calls.free_seats(harness.ref, ID, seats=seats)


def ways(wait: Wait) -> Iterator[tuple[Act, ...]]:
    """To every status, with and without an order in the ledger, swept and not."""

    async def overdue(_: InventoryHarness) -> None:
        await wait(2 * HOLD_MAX_MS)

    async def long_over(_: InventoryHarness) -> None:
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


async def status(harness: InventoryHarness) -> str:
    """The status that everybody sees, its deadline included."""
    answer = await harness.calls.read_hold(harness.ref, ID)
    return answer.hold.status_at(answer.now_ms).name.lower() if answer.hold else NOWHERE


def test_every_script_that_changes_holds_is_tried() -> None:
    folders = (LUA_DIR / "scripts" / name for name in ("holds", "orders"))
    files = [file for folder in folders for file in folder.iterdir()]
    headers = {file.stem: read_header(file.stem, file.read_text("utf-8")) for file in files}
    changing = {name for name, header in headers.items() if "no-writes" not in header.flags}
    assert {name for name, _ in operations()} == changing


async def test_diagram_is_what_scripts_and_time_do(make_harness: Make, clock: Clock) -> None:
    seen: set[tuple[str, str, str]] = set()
    for way in ways(clock.advance_ms):
        for name, act in [*operations(), ("the deadline", None)]:
            harness = await make_harness()
            for step in way:
                await step(harness)
            before = await status(harness)
            if act is None:
                await clock.advance_ms(HOLD_MS + HOLD_MAX_MS)
            else:
                await act(harness)
            seen.add((before, await status(harness), name))
    diagram = read_diagram("A hold")
    assert diagram.states == {status.name.lower() for status in HoldStatus}
    assert diagram.arrows == changes(seen)
