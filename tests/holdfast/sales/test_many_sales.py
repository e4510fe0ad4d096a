"""No sale waits for another, and what stands still costs nothing until something moves it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock
from sqlalchemy import update
from support.http.refusals import refusal_of
from support.sales.worker import NAME, Worker, head_of, lose, record_of, until

from holdfast.sales import catalogue
from holdfast.sales.catalogue import IN_TURN_PER_PICK
from holdfast.sales.discovery import VISIT_SECONDS
from holdfast.sales.sale import Sale
from holdfast.sales.tasks import sale_tasks
from holdfast.sales.tasks.periodic_tasks import PeriodicTasks
from holdfast_ledger import Actor, Ledger, SaleRecord
from holdfast_ledger.database.schema import sales
from holdfast_lua.calls.requested_sales import mark_requested
from holdfast_queue.line.status import SaleState
from holdfast_web.errors import ErrorCode

STEPS = 8
SETTLED_SECONDS = 1.5


@pytest.fixture(autouse=True)
def short_activity(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale that nobody requests becomes idle soon."""
    monkeypatch.setattr(sale_tasks, "ACTIVE_SECONDS", 0.5)


@pytest.fixture
def no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is visited in turn, only what is due."""
    monkeypatch.setattr(catalogue, "IN_TURN_PER_PICK", 0)


class Steps:
    """How often a sale's room was stepped."""

    def __init__(self, sale: Sale, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = 0
        tick = sale.room.tick

        async def counted() -> Any:
            self.made += 1
            return await tick()

        monkeypatch.setattr(sale.room, "tick", counted)

    async def more(self) -> None:
        """Until some more were made."""
        wanted = self.made + STEPS

        async def made() -> bool:
            return self.made >= wanted

        await until(made)


def idle(worker: Worker, name: str = NAME) -> Callable[[], Awaitable[bool]]:
    async def rests() -> bool:
        return worker.directory.active(name) is None

    return rests


async def first_visit(leading: PeriodicTasks, uid: str) -> None:
    """Until the leader has looked at the sale once, as it does at every sale that it hears of."""

    async def visited() -> bool:
        sale = leading.discovery.catalogue.get(uid)
        return sale is not None and sale.ref.revision > 0

    await until(visited)


def known_to(ledger: Ledger, name: str, hang: asyncio.Event) -> Callable[[str], Any]:
    """A ledger that does not answer about one sale."""
    read = ledger.sales.read

    async def slow(asked: str) -> SaleRecord | None:
        if asked == name:
            await hang.wait()
        return await read(asked)

    return slow


async def test_sale_whose_ledger_hangs_delays_no_step_of_any(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a sale whose new settings cannot be read: it goes on, and so does the other."""
    slow, other = await worker.create(NAME, queue_all=True), await worker.create("other")
    await worker.join(NAME)
    await worker.join("other")
    never = asyncio.Event()
    monkeypatch.setattr(worker.ledger.sales, "read", known_to(worker.ledger, NAME, never))
    await slow.room.update(slow.room.settings, 99)  # what another worker's PATCH would do
    steps = [Steps(sale, monkeypatch) for sale in (slow, other)]
    async with worker.leading(tmp_path):
        for step in steps:
            await step.more()
    assert slow.record.settings_version == 1


async def test_sale_that_is_lost_and_cannot_be_rebuilt_delays_no_other(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.create(NAME)
    other = await worker.create("other", queue_all=True)
    await worker.join("other")
    await lose(worker, NAME)
    monkeypatch.setattr(worker.ledger.sales, "read", known_to(worker.ledger, NAME, asyncio.Event()))
    steps = Steps(other, monkeypatch)
    async with worker.leading(tmp_path):
        await steps.more()


async def test_unreadable_sale_stops_discovery_of_no_other(worker: Worker, tmp_path: Path) -> None:
    """Given a sale that this version cannot read before two that it can, one of them to install."""
    names = ("aa", "bb", "cc")
    for name in names:
        await worker.create(name)
    broken = await record_of(worker, "aa")
    async with worker.ledger.database.writing() as connection:
        await connection.execute(
            update(sales).where(sales.c.uid == broken.uid).values(spec='{"shape": "unknown"}')
        )
    await lose(worker, "cc")
    newcomer = worker.newcomer()

    async def found() -> bool:
        record = await record_of(worker, "cc")
        return len(leading.discovery.catalogue) == 2 and record.installed_epoch == 2

    async with newcomer.leading(tmp_path) as leading:
        await until(found)
    assert (await head_of(worker, "cc")).units.free > 0


async def test_sales_that_stand_still_are_not_stepped(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given forty sales and one that moves, those are only visited now and then, and not loaded."""
    for number in range(40):
        await worker.create(f"idle-{number}")
    moving = await worker.create(NAME, queue_all=True)
    await worker.join(NAME)
    newcomer = worker.newcomer()
    ran: list[str] = []
    run = worker.executor.run

    async def counted(name: str, keys: Sequence[str], args: Sequence[Any] = ()) -> list[Any]:
        if moving.uid not in keys[0]:
            ran.append(name)
        return await run(name, keys, args)

    async def only_one_active() -> bool:
        active = [sale.name for sale in newcomer.directory]
        return active == [NAME] and len(leading.discovery.catalogue) == 41

    async with newcomer.leading(tmp_path) as leading:
        await until(only_one_active)
        await asyncio.sleep(SETTLED_SECONDS)
        monkeypatch.setattr(worker.executor, "run", counted)
        began = time.monotonic()
        await asyncio.sleep(1)
        seconds = time.monotonic() - began
    rounds = seconds / VISIT_SECONDS + 2
    assert ran.count("advance_line") <= rounds * IN_TURN_PER_PICK
    assert set(ran) <= {"advance_line", "mark_requested"}
    assert sum(newcomer.directory.loaded(f"idle-{number}") is not None for number in range(40)) == 0


@pytest.mark.usefixtures("no_turns")
async def test_start_comes_though_nobody_asks(worker: Worker, tmp_path: Path, clock: Clock) -> None:
    """Given a draw without entrants that nobody asks for: its lobby closes and it is sealed."""
    start = datetime.fromtimestamp((await clock.now_ms()) / 1000, UTC) + timedelta(hours=1)
    await worker.create(NAME, queueing_method="random", event_start_time=start)
    newcomer = worker.newcomer()

    async def opened() -> bool:
        sale = await worker.directory.get(NAME)
        events = await sale.inventory.events(None, 100)
        return "draw.sealed" in [event.kind for event in events.events]

    async with newcomer.leading(tmp_path) as leading:
        await first_visit(leading, (await record_of(worker, NAME)).uid)
        assert newcomer.directory.loaded(NAME) is None
        await clock.advance(3_601)
        await until(opened, 8)


async def test_idle_sale_is_shown_as_it_is_now(worker: Worker, tmp_path: Path) -> None:
    await worker.create(NAME)
    newcomer = worker.newcomer()
    async with newcomer.leading(tmp_path):
        assert (await newcomer.directory.get(NAME)).room.document.state is SaleState.OPEN
        await until(idle(newcomer))
        loaded = newcomer.directory.loaded(NAME)
        await worker.operations.change_lifecycle(NAME, "pause", Actor("test"))
        sale = await newcomer.directory.get(NAME)
        assert sale.room.document.state is SaleState.PAUSED
        assert loaded is not None


async def test_idle_sale_takes_over_what_was_patched_elsewhere(
    worker: Worker, tmp_path: Path
) -> None:
    await worker.create(NAME)
    newcomer = worker.newcomer()
    async with newcomer.leading(tmp_path):
        await newcomer.directory.get(NAME)
        await until(idle(newcomer))
        await worker.operations.patch(NAME, {"burst": 7, "message": "Soon."}, Actor("test"))
        sale = await newcomer.directory.get(NAME)
        assert (sale.spec.burst, sale.room.settings.message) == (7, "Soon.")


async def test_idle_sale_that_was_lost_is_rebuilt_for_the_next_to_ask(
    worker: Worker, tmp_path: Path
) -> None:
    await worker.create(NAME)
    newcomer = worker.newcomer()
    other = tmp_path / "other"
    other.mkdir()
    async with newcomer.leading(other):
        await newcomer.directory.get(NAME)
        await until(idle(newcomer))
        await lose(worker, NAME)
        assert (await newcomer.directory.get(NAME)).record.epoch == 2


async def test_idle_sale_that_was_deleted_is_unknown(worker: Worker, tmp_path: Path) -> None:
    await worker.create(NAME)
    newcomer = worker.newcomer()
    async with newcomer.leading(tmp_path):
        await newcomer.directory.get(NAME)
        await until(idle(newcomer))
        await worker.operations.change_lifecycle(NAME, "close", Actor("test"))
        await until(idle(newcomer))
        await worker.operations.delete(NAME, Actor("test"))
        await until(idle(newcomer))
        refusal = await refusal_of(newcomer.directory.get(NAME))
    assert refusal.code is ErrorCode.UNKNOWN_SALE


@pytest.mark.usefixtures("no_turns")
async def test_overdue_hold_of_another_worker_is_swept_by_the_leader(
    worker: Worker, tmp_path: Path, clock: Clock
) -> None:
    """Given a hold made by a worker that is gone, in a sale that nobody asks for any more."""
    await worker.create(NAME)
    newcomer = worker.newcomer()
    async with newcomer.leading(tmp_path) as leading:
        uid = (await record_of(worker, NAME)).uid
        await first_visit(leading, uid)
        await worker.hold(NAME, "key")
        await mark_requested(worker.executor, 0, [uid])

        async def active() -> bool:
            return newcomer.directory.active(NAME) is not None

        await until(active)
        await clock.advance(1_801)

        async def swept() -> bool:
            return (await head_of(worker, NAME)).units.held == 0

        await until(swept)
        await until(idle(newcomer))


@pytest.mark.usefixtures("no_turns")
async def test_hold_that_nobody_told_of_is_found_by_a_leader_that_starts(
    worker: Worker, tmp_path: Path, clock: Clock
) -> None:
    await worker.create(NAME)
    await worker.hold(NAME, "key")
    await clock.advance(1_801)

    async def swept() -> bool:
        return (await head_of(worker, NAME)).units.held == 0

    async with worker.newcomer().leading(tmp_path):
        await until(swept)
