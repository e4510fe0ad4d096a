"""A worker dies in the middle of what operators ask of a sale, and others go on.

A real process dies at each step. What it leaves is then found by a worker that lives, or by one
that starts; the names of the steps are the rows of docs/correctness.md.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house_kit import (
    NAME,
    House,
    audited,
    head_of,
    lose,
    rebuilt,
    reconciled,
    record_of,
    sell,
    until,
)
from mortal_kit import Die, see_die, start

from holdfast.leadership import Leadership
from holdfast.sales.spec import AllotmentSpec, spec_from_json
from holdfast_inventory import blocking
from holdfast_lua import keys
from holdfast_queue.status import SaleState

LIFECYCLES = {"pause": "paused", "drain": "draining", "close": "closed"}


@pytest.mark.parametrize("step", ["after change_lifecycle", "after sales.set_lifecycle"])
@pytest.mark.parametrize("operation", ["pause", "drain", "close"])
async def test_lifecycle_that_broke_off_is_noted_and_survives_a_loss(
    house: House, die: Die, tmp_path: Path, operation: str, step: str
) -> None:
    lifecycle = LIFECYCLES[operation]
    await house.create(NAME)
    await die(operation, step)
    assert (await head_of(house, NAME)).lifecycle == lifecycle

    async def noted() -> bool:
        return (await record_of(house, NAME)).lifecycle == lifecycle

    async with house.leading(tmp_path):
        await until(noted)
    assert (await head_of(await rebuilt(house, NAME), NAME)).lifecycle == lifecycle


@pytest.mark.parametrize("step", ["after change_lifecycle", "after sales.set_lifecycle"])
async def test_early_opening_that_broke_off_stays_open_after_a_loss(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    """Given a sale opened before its time, no later start is pushed or rebuilt over it."""
    later = datetime.now(UTC) + timedelta(hours=1)
    await house.create(NAME, event_start_time=later)
    await die("open", step)

    async def noted() -> bool:
        start = spec_from_json((await record_of(house, NAME)).spec).event_start_time
        return start is not None and start < later - timedelta(minutes=30)

    async with house.leading(tmp_path):
        await until(noted)
        await until(lambda: _agreed(house))
    fresh = await rebuilt(house, NAME)
    assert (await fresh.directory.get(NAME)).room.document.state is SaleState.OPEN


async def _agreed(house: House) -> bool:
    return (await head_of(house, NAME)).settings_version == (
        await record_of(house, NAME)
    ).settings_version


@pytest.mark.parametrize("step", ["after sales.patch", "after update_line"])
@pytest.mark.parametrize("fresh", [False, True])
async def test_settings_that_broke_off_come_into_force(
    house: House, die: Die, tmp_path: Path, step: str, fresh: bool
) -> None:
    """By the leader that knew the sale, or by one that has just read the new settings."""
    await house.create(NAME)
    await die("patch", step)
    worker = house.newcomer() if fresh else house
    await worker.directory.get(NAME)
    async with worker.leading(tmp_path):
        await until(lambda: _agreed(house))
    advanced = await (await worker.directory.get(NAME)).room.tick()
    assert spec_from_json((await record_of(house, NAME)).spec).burst == 7
    assert advanced.status.settings_version == (await record_of(house, NAME)).settings_version


@pytest.mark.parametrize(
    "step", ["after sales.patch", "after release_allotment", "after update_line"]
)
async def test_release_of_an_allotment_that_broke_off_comes_into_force(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    """Given two seats of the fans, nobody in line waits for them before and everybody after."""
    await house.create(NAME, allotments=(AllotmentSpec("fans", seats=("r1s1", "r1s2")),))
    sellable = (await (await house.directory.get(NAME)).room.tick()).status.free
    await die("let out", step)
    async with house.leading(tmp_path):
        await until(lambda: _agreed(house))
    assert (await (await house.directory.get(NAME)).room.tick()).status.free == sellable + 2
    events = await (await house.directory.get(NAME)).hall.events(None, 100)
    assert [event.kind for event in events.events].count("allotment.released") == 1
    await reconciled(house, NAME)


@pytest.mark.parametrize("step", ["after sales.patch", "refused update_line"])
async def test_start_that_the_store_refused_is_taken_back(
    house: House, tmp_path: Path, die: Die, step: str
) -> None:
    """Given a PATCH that died before the store's refusal, or before taking its start back."""
    await house.create(NAME)
    await die("postpone", step)
    assert spec_from_json((await record_of(house, NAME)).spec).event_start_time is not None
    async with house.leading(tmp_path):
        await until(lambda: _agreed(house))
    assert spec_from_json((await record_of(house, NAME)).spec).event_start_time is None
    assert (await house.directory.get(NAME)).room.document.state is SaleState.OPEN


@pytest.mark.parametrize(
    "step",
    [
        "after sales.create",
        "after install_stock",
        "after install_line",
        "after install_sale",
        "after sales.set_provisioned",
    ],
)
async def test_creation_that_broke_off_is_finished_and_then_lost_like_any(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    """A sale whose creator died is found, sells, and is rebuilt with what it sold."""
    await die("put", step)
    async with house.leading(tmp_path):
        await until(lambda: _known(house))
    sold = await sell(house, NAME, "first")
    fresh = await rebuilt(house, NAME)
    assert (await head_of(fresh, NAME)).units.booked == 2
    assert not set(sold) & set((await fresh.hold(NAME, "second")).seats)


async def _known(house: House) -> bool:
    return house.directory.known(NAME) is not None


@pytest.mark.parametrize("recreated", [False, True])
async def test_deletion_that_broke_off_is_seen_by_those_who_serve_it(
    house: House, die: Die, tmp_path: Path, recreated: bool
) -> None:
    """Given a worker that knows the sale, and no leader: it lets go, and the keys are gone."""
    await house.create(NAME)
    await house.operations.change_lifecycle(NAME, "close", "test")
    before = await record_of(house, NAME)
    await die("delete", "after sales.delete")
    assert await house.ledger.sales.read(NAME) is None
    if recreated:
        await die("put", "after sales.create")

    async def left() -> bool:
        known = house.directory.known(NAME)
        return known is None or known.uid != before.uid

    await _while_another_leads(house, tmp_path, left)
    assert await house.executor.command("KEYS", keys.pattern(before.uid)) == []
    again = await house.directory.get(NAME) if recreated else await house.create(NAME)
    assert again.uid != before.uid
    assert (await house.hold(NAME, "key")).units == 2
    await reconciled(house, NAME)


@pytest.mark.parametrize(
    "step",
    [
        "after sales.replace",
        "after install_stock",
        "after install_line",
        "after install_sale",
        "after sales.set_provisioned",
    ],
)
async def test_replacement_that_broke_off_comes_into_force(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    """Given a worker that knows the sale as it was before: it serves the new one, then sells."""
    old = await house.create(NAME)
    await die("replace", step)

    async def replaced() -> bool:
        known = house.directory.known(NAME)
        return known is not None and known.record.epoch == old.record.epoch + 1

    await _while_another_leads(house, tmp_path, replaced)
    assert (await head_of(house, NAME)).units.free == 80
    await sell(house, NAME, "first")
    await reconciled(await rebuilt(house, NAME), NAME)


async def _while_another_leads(
    house: House, tmp_path: Path, condition: Callable[[], Awaitable[bool]]
) -> None:
    """What this worker finds out by itself."""
    leader = Leadership(tmp_path)
    assert leader.held()
    async with house.leading(tmp_path):
        await until(condition)
    leader.close()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (("put", "after sales.create"), "sale.put"),
        (("patch", "after sales.patch"), "sale.patch"),
        (("pause", "after sales.set_lifecycle"), "sale.pause"),
        (("close", "after change_lifecycle"), "sale.lifecycle_adopted"),
        (("replace", "after sales.replace"), "sale.put"),
        (("delete", "after sales.delete"), "sale.delete"),
    ],
)
async def test_change_that_broke_off_is_in_the_audit_with_the_ledgers_own_write(
    house: House, die: Die, tmp_path: Path, broken: tuple[str, str], line: str
) -> None:
    deed, step = broken
    if deed != "put":
        await house.create(NAME)
    if deed == "delete":
        await house.operations.change_lifecycle(NAME, "close", "test")
    before = await audited(house, NAME)
    await die(deed, step)
    async with house.leading(tmp_path):
        await until(lambda: _audited_after(house, before))
    assert (await audited(house, NAME))[len(before) :] == [line]


async def _audited_after(house: House, before: list[str]) -> bool:
    return len(await audited(house, NAME)) > len(before)


@pytest.mark.parametrize(
    "step",
    [
        "after sales.bump_epoch",
        "after install_stock",
        "after install_buyers",
        "after install_holds",
        "after install_line",
        "after install_sale",
    ],
)
async def test_rebuild_that_broke_off_is_finished_by_the_next(
    house: House, die: Die, step: str
) -> None:
    await house.create(NAME)
    sold = await sell(house, NAME, "first")
    await _block_two(house)
    await lose(house, NAME)
    await die("load", step)
    fresh = house.newcomer()
    sale = await fresh.directory.get(NAME)
    head = await head_of(fresh, NAME)
    assert (sale.record.epoch, head.units.booked, head.units.blocked) == (2, 2, 2)
    kinds = [event.kind for event in (await sale.hall.events(None, 100)).events]
    assert kinds.count("inventory.rebuilt") == 1
    assert not set(sold) & set((await fresh.hold(NAME, "second")).seats)
    await reconciled(fresh, NAME)


async def _block_two(house: House) -> None:
    office = await house.office(NAME)
    states = (await office.stock.calls.read_seats(office.stock.ref)).states
    free = [seat for seat, state in enumerate(states) if state == ord("f")]
    await blocking.block(office, free[-2:])


@pytest.mark.parametrize(
    "step", ["after blocks.want", "after block_seats", "after blocks.note_told"]
)
async def test_block_that_broke_off_holds(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    await house.create(NAME)
    await die("block", step)

    async def blocked() -> bool:
        return (await head_of(house, NAME)).units.blocked == 2

    async with house.leading(tmp_path):
        await until(blocked)
    assert (await head_of(await rebuilt(house, NAME), NAME)).units.blocked == 2


@pytest.mark.parametrize("step", ["after blocks.want", "after unblock_seats"])
async def test_unblock_that_broke_off_holds(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    await house.create(NAME)
    await blocking.block(await house.office(NAME), [0, 1])
    await die("unblock", step)

    async def unblocked() -> bool:
        return (await head_of(house, NAME)).units.blocked == 0

    async with house.leading(tmp_path):
        await until(unblocked)
    assert (await head_of(await rebuilt(house, NAME), NAME)).units.blocked == 0


@pytest.mark.parametrize("step", ["after block_seats", "before blocks.note_told"])
async def test_late_block_of_a_worker_that_then_dies_is_undone(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    """Given one who read the block, stood still while another unblocked, told it, and died."""
    await house.create(NAME)
    gate = tmp_path / "gate"
    fate = die.fate("block", step, "before block_seats", gate=str(gate))
    late = start(fate)

    async def reached() -> bool:
        return gate.with_suffix(".reached").exists()

    await until(reached)
    await blocking.unblock(await house.office(NAME), [0, 1])
    gate.touch()
    await see_die(late, fate)
    assert (await head_of(house, NAME)).units.blocked == 2

    async def unblocked() -> bool:
        return (await head_of(house, NAME)).units.blocked == 0

    async with house.leading(tmp_path):
        await until(unblocked)
    await reconciled(house, NAME)
