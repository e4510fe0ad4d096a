"""The life of a sale in docs/lifecycles.md is what operator, time and stock make of it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Final

import msgspec
from conftest import Clock, fresh_uid, make_sale_hash
from support.lifecycle_diagrams import NOWHERE, changes, read_diagram
from support.line.harness import PLENTY, Line
from support.sales.worker import Worker

from holdfast.sales.operations import LIFECYCLE_OPERATIONS
from holdfast.sales.sale import Sale
from holdfast_ledger import Actor
from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.line import LineCalls
from holdfast_queue.line.status import SaleState, sale_state
from holdfast_web.errors import HoldfastError

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
TIMES: Final = ("prequeue_start_time", "event_start_time", "event_end_time")
STOCK: Final = "stock"
PATCH: Final = "PATCH"
PUT: Final = "PUT"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Case:
    """What the operator has said before, how far the times are off, and how much is left."""

    operations: tuple[str, ...]
    offsets_ms: tuple[int, int, int]
    """of pre-queue, start and end; 0 for none"""
    free: int


SAID: Final = ((), ("pause",), ("drain",), ("drain", "pause"), ("close",))
OFFSETS: Final = (
    (0, 0, 0),
    (HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS),
    (0, 2 * HOUR_MS, 3 * HOUR_MS),
    (-HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS),
    (-2 * HOUR_MS, -HOUR_MS, 3 * HOUR_MS),
    (-3 * HOUR_MS, -2 * HOUR_MS, -HOUR_MS),
)


def cases() -> Iterator[Case]:
    """Every combination of the three."""
    yield from (Case(*parts) for parts in product(SAID, OFFSETS, (PLENTY, 0)))


async def line_of(executor: Executor, clock: Clock, case: Case) -> Line:
    """A sale with a line, brought to where the case has it."""
    ref = await make_sale_hash(executor, fresh_uid(), free=case.free)
    line = Line(executor, LineCalls(executor), ref, clock.advance_ms)
    await line.install()
    now_ms = await line.now_ms()
    prequeue, opens, ends = [now_ms + offset if offset else 0 for offset in case.offsets_ms]
    await line.sale(prequeue_ms=prequeue, opens_ms=opens)
    for operation in case.operations:
        await line.calls.change_lifecycle(ref, operation)
    await line.sale(ends_ms=ends)
    return line


async def state_of(line: Line) -> str:
    """The state that everybody is shown at this moment."""
    advanced = await line.advanced(0)
    return sale_state(advanced.status, advanced.now_ms).value


def causes(case: Case) -> Iterator[str]:
    """Every operation, the next of the sale's times, and the stock."""
    yield from LIFECYCLE_OPERATIONS
    ahead = [(ms, name) for ms, name in zip(case.offsets_ms, TIMES, strict=True) if ms > 0]
    if ahead:
        yield min(ahead)[1]
    yield STOCK


async def act(line: Line, case: Case, cause: str) -> None:
    """Lets happen what `causes` names."""
    if cause == STOCK:
        await line.sale(free=0 if case.free else PLENTY)
    elif cause in TIMES:
        await line.advance_ms(case.offsets_ms[TIMES.index(cause)])
    else:
        await line.calls.change_lifecycle(line.ref, cause)


async def test_diagram_is_what_operator_time_and_stock_do(executor: Executor, clock: Clock) -> None:
    seen: set[tuple[str, str, str]] = set()
    for case in cases():
        for cause in causes(case):
            line = await line_of(executor, clock, case)
            before = await state_of(line)
            await act(line, case, cause)
            seen.add((before, await state_of(line), cause))
    diagram = read_diagram("A sale")
    assert diagram.states == {state.value for state in SaleState}
    assert {arrow for arrow in diagram.arrows if arrow.cause not in {PUT, PATCH}} == changes(seen)


def patches(now_ms: int) -> Iterator[dict[str, object]]:
    """Times before and behind now, alone and together; many are refused."""
    for name, offset in product(TIMES, (0, -30 * MINUTE_MS, 5 * HOUR_MS)):
        yield {name: time_at(now_ms, offset)}
    yield {
        "prequeue_start_time": time_at(now_ms, -MINUTE_MS),
        "event_start_time": time_at(now_ms, HOUR_MS),
    }
    for start, end in ((-MINUTE_MS, HOUR_MS), (-HOUR_MS, -MINUTE_MS)):
        yield {
            "prequeue_start_time": None,
            "event_start_time": time_at(now_ms, start),
            "event_end_time": time_at(now_ms, end),
        }


def datetime_at(now_ms: int, offset_ms: int) -> datetime | None:
    """The time so far off; None for no offset."""
    return datetime.fromtimestamp((now_ms + offset_ms) / 1000, UTC) if offset_ms else None


def time_at(now_ms: int, offset_ms: int) -> str | None:
    """As a request writes it."""
    time = datetime_at(now_ms, offset_ms)
    return time.isoformat() if time else None


async def make_sale(worker: Worker, case: Case, now_ms: int) -> Sale:
    """As PUT makes it; then the operator, the end and the stock do what the case says."""
    prequeue, start, end = (datetime_at(now_ms, ms) for ms in case.offsets_ms)
    sale = await worker.create(
        f"sale-{next(_numbers)}",
        plan=msgspec.Raw(b"null"),
        prequeue_start_time=prequeue,
        event_start_time=start,
    )
    for operation in case.operations:
        await worker.operations.change_lifecycle(sale.name, operation, Actor("test"))
    if end:
        await worker.operations.patch(sale.name, {"event_end_time": end.isoformat()}, Actor("test"))
    if not case.free:
        await worker.executor.command("HSET", keys.sale(sale.uid), "free", 0)
    return sale


async def shown(sale: Sale) -> str:
    """The state that everybody is shown."""
    await sale.room.tick()
    return sale.room.document.state.value


async def test_diagram_is_what_put_does(worker: Worker, clock: Clock) -> None:
    now_ms = await clock.now_ms()
    made = [
        await worker.create(
            f"put-{number}",
            plan=msgspec.Raw(b"null"),
            **{n: datetime_at(now_ms, ms) for n, ms in zip(TIMES, offsets_ms, strict=True)},
        )
        for number, offsets_ms in enumerate(OFFSETS)
    ]
    diagram = read_diagram("A sale")
    assert {arrow for arrow in diagram.arrows if arrow.cause == PUT} == changes(
        [(NOWHERE, await shown(sale), PUT) for sale in made]
    )


async def patched(worker: Worker, sale: Sale, changed: dict[str, object]) -> bool:
    """Whether the service has taken the change."""
    try:
        await worker.operations.patch(sale.name, changed, Actor("test"))
    except HoldfastError:
        return False
    return True


async def test_diagram_is_what_patch_does(worker: Worker, clock: Clock) -> None:
    seen: set[tuple[str, str, str]] = set()
    now_ms = await clock.now_ms()
    for case in cases():
        if case.operations and (case.offsets_ms not in OFFSETS[-2:] or not case.free):
            continue  # what the operator has said hides both
        sale: Sale | None = None
        for changed in patches(now_ms):
            sale = sale or await make_sale(worker, case, now_ms)
            before = await shown(sale)
            taken = await patched(worker, sale, changed)
            seen.add((before, await shown(sale), PATCH))
            sale = None if taken else sale
    diagram = read_diagram("A sale")
    assert {arrow for arrow in diagram.arrows if arrow.cause == PATCH} == changes(seen)
