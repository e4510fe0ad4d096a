"""A worker crashes in the middle of what operators ask of a running sale, and others go on.

As in test_sale_crashes.py: a real process crashes at each step, and the steps are the rows of
docs/correctness.md.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.crashes.crashing_worker import LATE, MOVED, CrashingWorker, expect_crash, start
from support.http.refusals import refusal_of
from support.sales.worker import NAME, Worker, head_of, rebuilt, reconciled, record_of, until

from holdfast.sales.spec import AllotmentSpec, spec_from_json
from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_ledger import Actor
from holdfast_queue.line.status import SaleState
from holdfast_web.errors import ErrorCode
from holdfast_web.timestamps import unix_ms

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LIFECYCLES = {"pause": "paused", "drain": "draining", "close": "closed"}


@pytest.mark.parametrize("step", ["after change_lifecycle", "after sales.set_lifecycle"])
@pytest.mark.parametrize("operation", ["pause", "drain", "close"])
async def test_lifecycle_that_broke_off_is_noted_and_survives_a_loss(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, operation: str, step: str
) -> None:
    lifecycle = LIFECYCLES[operation]
    await worker.create(NAME)
    await crash(operation, step)
    assert (await head_of(worker, NAME)).lifecycle == lifecycle

    async def noted() -> bool:
        return (await record_of(worker, NAME)).lifecycle == lifecycle

    async with worker.leading(tmp_path):
        await until(noted)
    assert (await head_of(await rebuilt(worker, NAME), NAME)).lifecycle == lifecycle


@pytest.mark.parametrize("step", ["after change_lifecycle", "after sales.set_lifecycle"])
async def test_early_opening_that_broke_off_stays_open_after_a_loss(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str
) -> None:
    """Given a sale opened before its time, no later start is pushed or rebuilt over it."""
    later = datetime.now(UTC) + timedelta(hours=1)
    await worker.create(NAME, event_start_time=later)
    await crash("open", step)

    async def noted() -> bool:
        start = spec_from_json((await record_of(worker, NAME)).spec).event_start_time
        return start is not None and start < later - timedelta(minutes=30)

    async with worker.leading(tmp_path):
        await until(noted)
        await until(lambda: _agreed(worker))
    fresh = await rebuilt(worker, NAME)
    assert (await fresh.directory.get(NAME)).room.document.state is SaleState.OPEN


async def _agreed(worker: Worker) -> bool:
    return (await head_of(worker, NAME)).settings_version == (
        await record_of(worker, NAME)
    ).settings_version


@pytest.mark.parametrize("step", ["after sales.patch", "after update_line"])
@pytest.mark.parametrize("fresh", [False, True])
async def test_settings_that_broke_off_come_into_force(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str, fresh: bool
) -> None:
    """By the leader that knew the sale, or by one that has just read the new settings."""
    await worker.create(NAME)
    await crash("patch", step)
    finder = worker.newcomer() if fresh else worker
    await finder.directory.get(NAME)
    async with finder.leading(tmp_path):
        await until(lambda: _agreed(worker))
    advanced = await (await finder.directory.get(NAME)).room.tick()
    assert spec_from_json((await record_of(worker, NAME)).spec).burst == 7
    assert advanced.status.settings_version == (await record_of(worker, NAME)).settings_version


@pytest.mark.parametrize(
    "step", ["after sales.patch", "after update_line", "after release_allotment"]
)
@pytest.mark.parametrize("fresh", [False, True])
async def test_release_of_an_allotment_that_broke_off_comes_into_force(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str, fresh: bool
) -> None:
    """Given two seats of the fans, nobody in line waits for them before and everybody after."""
    await worker.create(NAME, allotments=(AllotmentSpec("fans", seats=("r1s1", "r1s2")),))
    sellable = (await (await worker.directory.get(NAME)).room.tick()).status.free
    await crash("let out", step)
    finder = worker.newcomer() if fresh else worker

    async def released() -> bool:
        return (await head_of(worker, NAME)).allotted == ("", 0, 0)

    async with finder.leading(tmp_path):
        await until(lambda: _agreed(worker))
        await until(released)
    sale = await finder.directory.get(NAME)
    assert (await sale.room.tick()).status.free == sellable + 2
    events = await sale.inventory.events(None, 100)
    assert [event.kind for event in events.events].count("allotment.released") == 1
    await reconciled(worker, NAME)


@pytest.mark.parametrize("step", ["after sales.patch", "refused update_line"])
async def test_start_that_the_store_refused_is_taken_back(
    worker: Worker, tmp_path: Path, crash: CrashingWorker, step: str
) -> None:
    """Given a PATCH that died before the store's refusal, or before taking its start back."""
    await worker.create(NAME)
    await crash("postpone", step)
    assert spec_from_json((await record_of(worker, NAME)).spec).event_start_time is not None
    async with worker.leading(tmp_path):
        await until(lambda: _agreed(worker))
    assert spec_from_json((await record_of(worker, NAME)).spec).event_start_time is None
    assert (await worker.directory.get(NAME)).room.document.state is SaleState.OPEN


@pytest.mark.parametrize(
    "step", ["after seat_blocks.set_wanted", "after block_seats", "after seat_blocks.note_synced"]
)
async def test_block_that_broke_off_holds(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str
) -> None:
    await worker.create(NAME)
    await crash("block", step)

    async def blocked() -> bool:
        return (await head_of(worker, NAME)).units.blocked == 2

    async with worker.leading(tmp_path):
        await until(blocked)
    assert (await head_of(await rebuilt(worker, NAME), NAME)).units.blocked == 2


@pytest.mark.parametrize("step", ["after seat_blocks.set_wanted", "after unblock_seats"])
async def test_unblock_that_broke_off_holds(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str
) -> None:
    await worker.create(NAME)
    await blocking.block(await worker.context(NAME), [0, 1])
    await crash("unblock", step)

    async def unblocked() -> bool:
        return (await head_of(worker, NAME)).units.blocked == 0

    async with worker.leading(tmp_path):
        await until(unblocked)
    assert (await head_of(await rebuilt(worker, NAME), NAME)).units.blocked == 0


@pytest.mark.parametrize("step", ["after block_seats", "before seat_blocks.note_synced"])
async def test_late_block_of_a_worker_that_then_dies_is_undone(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str
) -> None:
    """Given one who read the block, stood still while another unblocked, synced it, and died."""
    await worker.create(NAME)
    gate = tmp_path / "gate"
    run = crash.prepare("block", step, "before block_seats", gate=str(gate))
    late = start(run)

    async def reached() -> bool:
        return gate.with_suffix(".reached").exists()

    await until(reached)
    await blocking.unblock(await worker.context(NAME), [0, 1])
    gate.touch()
    await expect_crash(late, run)
    assert (await head_of(worker, NAME)).units.blocked == 2

    async def unblocked() -> bool:
        return (await head_of(worker, NAME)).units.blocked == 0

    async with worker.leading(tmp_path):
        await until(unblocked)
    await reconciled(worker, NAME)


@pytest.mark.parametrize("step", ["after sales.patch", "after update_line"])
async def test_moved_start_of_a_draw_that_broke_off_is_announced_once(
    worker: Worker, tmp_path: Path, crash: CrashingWorker, step: str
) -> None:
    """Whoever carries it on, and after a loss: published with the time at which it was announced.

    The commitment stays to the first.
    """
    first, moved = datetime.fromisoformat(LATE), datetime.fromisoformat(MOVED)
    made = await worker.create(
        NAME, queueing_method="random", prequeue_start_time=LONG_AGO, event_start_time=first
    )
    before = made.room.lobby.draw
    assert before is not None
    await worker.join(NAME)
    await crash("move", step)
    async with worker.leading(tmp_path):
        await until(lambda: _agreed(worker))
    kept = (await record_of(worker, NAME)).draw_starts
    assert [start_ms for start_ms, _ in kept] == [unix_ms(first), unix_ms(moved)]
    assert kept[0][1] < kept[1][1]
    fresh = await (await rebuilt(worker, NAME)).directory.get(NAME)
    after = fresh.room.lobby.draw
    assert after is not None
    assert after.commitment == before.commitment
    assert [(one.start_ms, one.at_ms) for one in after.starts] == list(kept)
    assert (await fresh.room.tick()).status.opens_ms == unix_ms(moved)


async def test_start_of_a_draw_that_the_store_refused_is_not_published(worker: Worker) -> None:
    sale = await worker.create(
        NAME, queueing_method="random", event_start_time=datetime.fromisoformat(LATE)
    )
    await worker.operations.change_lifecycle(NAME, "open", Actor("test"))
    refusal = await refusal_of(
        worker.operations.patch(NAME, {"event_start_time": MOVED}, Actor("test"))
    )
    assert refusal.code is ErrorCode.SALE_STARTED
    assert len((await record_of(worker, NAME)).draw_starts) > 1
    await worker.directory.refresh(sale)
    facts = sale.room.lobby.facts(sale.room.document.line)
    assert facts is not None
    assert [one.start_ms for one in facts.starts] == [unix_ms(datetime.fromisoformat(LATE))]
