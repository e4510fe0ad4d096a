"""A worker dies in the middle of what operators and visitors ask of a sale, and others go on.

A real process dies at each step. What it leaves is then found by a worker that lives, or by one
that starts; the names of the steps are the rows of docs/correctness.md.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mortal_kit import Fate, House, build_house, run_until_death, until
from shop_kit import payment

from holdfast.sales.spec import patched_spec, spec_from_json, spec_to_json
from holdfast_inventory import blocking
from holdfast_inventory.confirm import Confirming
from holdfast_inventory.ledger import Ledger, SaleRecord
from holdfast_inventory.telling import Afterwards
from holdfast_lua import Executor, SaleRef
from holdfast_lua.sale_calls import SaleCalls, SaleHead
from holdfast_queue.status import SaleState
from holdfast_queue.views import Admission

NAME = "night"
LIFECYCLES = {"pause": "paused", "drain": "draining", "close": "closed"}


@pytest.fixture
def house(executor: Executor, ledger: Ledger) -> House:
    """The worker that lives."""
    return build_house(executor, ledger)


@pytest.fixture
def die(store_url: str, ledger: Ledger) -> "Die":
    return Die(store_url, ledger.database.url.render_as_string(hide_password=False))


class Die:
    """Another worker, which does its deed up to a step."""

    def __init__(self, store_url: str, ledger_url: str) -> None:
        self._urls = store_url, ledger_url

    async def __call__(self, deed: str, dies: str, **given: str) -> None:
        await run_until_death(Fate(*self._urls, NAME, deed, dies, given))


async def record_of(house: House) -> SaleRecord:
    record = await house.ledger.sales.read(NAME)
    assert record is not None
    return record


async def head_of(house: House) -> SaleHead:
    record = await record_of(house)
    return await SaleCalls(house.executor).read(SaleRef(record.uid, record.epoch))


async def lose(house: House) -> None:
    """What FLUSHALL would do to the sale."""
    await SaleCalls(house.executor).remove((await record_of(house)).uid)


async def rebuilt(house: House) -> House:
    """A worker that starts after the loss."""
    await lose(house)
    fresh = build_house(house.executor, house.ledger)
    await fresh.directory.get(NAME)
    return fresh


@pytest.mark.parametrize("step", ["after change_lifecycle", "after sales.set_lifecycle"])
@pytest.mark.parametrize("operation", ["pause", "drain", "close"])
async def test_lifecycle_that_broke_off_is_noted_and_survives_a_loss(
    house: House, die: Die, tmp_path: Path, operation: str, step: str
) -> None:
    lifecycle = LIFECYCLES[operation]
    await house.create(NAME)
    await die(operation, step)
    assert (await head_of(house)).lifecycle == lifecycle

    async def noted() -> bool:
        return (await record_of(house)).lifecycle == lifecycle

    async with house.leading(tmp_path):
        await until(noted)
    assert (await head_of(await rebuilt(house))).lifecycle == lifecycle


@pytest.mark.parametrize("step", ["after change_lifecycle", "after sales.set_lifecycle"])
async def test_early_opening_that_broke_off_stays_open_after_a_loss(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    """Given a sale opened before its time, no later start is pushed or rebuilt over it."""
    later = datetime.now(UTC) + timedelta(hours=1)
    await house.create(NAME, event_start_time=later)
    await die("open", step)

    async def noted() -> bool:
        start = spec_from_json((await record_of(house)).spec).event_start_time
        return start is not None and start < later - timedelta(minutes=30)

    async with house.leading(tmp_path):
        await until(noted)
        await until(lambda: _agreed(house))
    fresh = await rebuilt(house)
    assert (await fresh.directory.get(NAME)).room.document.state is SaleState.OPEN


async def _agreed(house: House) -> bool:
    return (await head_of(house)).settings_version == (await record_of(house)).settings_version


@pytest.mark.parametrize("step", ["after sales.patch", "after update_line"])
@pytest.mark.parametrize("fresh", [False, True])
async def test_settings_that_broke_off_come_into_force(
    house: House, die: Die, tmp_path: Path, step: str, fresh: bool
) -> None:
    """By the leader that knew the sale, or by one that has just read the new settings."""
    await house.create(NAME)
    await die("patch", step)
    worker = build_house(house.executor, house.ledger) if fresh else house
    await worker.directory.get(NAME)
    async with worker.leading(tmp_path):
        await until(lambda: _agreed(house))
    advanced = await (await worker.directory.get(NAME)).room.tick()
    assert spec_from_json((await record_of(house)).spec).burst == 7
    assert advanced.status.settings_version == (await record_of(house)).settings_version


async def test_start_that_the_store_refused_is_taken_back(
    house: House, tmp_path: Path, die: Die
) -> None:
    """Given a PATCH that died between the store's refusal and taking its start back."""
    await house.create(NAME)
    record = await record_of(house)
    spec = spec_from_json(record.spec)
    late = datetime.now(UTC) + timedelta(hours=1)
    moved = patched_spec(spec, {"event_start_time": late.isoformat()})
    await house.ledger.sales.patch(record.uid, spec_to_json(moved), seen_version=1)
    async with house.leading(tmp_path):
        await until(lambda: _agreed(house))
    assert spec_from_json((await record_of(house)).spec).event_start_time is None


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
    sold = await _sell(house, "first")
    fresh = await rebuilt(house)
    assert (await head_of(fresh)).units.booked == 2
    assert not set(sold) & set((await fresh.hold(NAME, "second")).seats)


async def _known(house: House) -> bool:
    return house.directory.known(NAME) is not None


async def _sell(house: House, key: str) -> tuple[int, ...]:
    afterwards = Afterwards()
    hold = await house.hold(NAME, key)
    await Confirming(afterwards).confirm(await house.office(NAME), hold.id, payment(hold))
    await afterwards.drain()
    return hold.seats


async def test_deletion_that_broke_off_frees_the_name(
    house: House, die: Die, tmp_path: Path
) -> None:
    await house.create(NAME)
    await house.operations.change_lifecycle(NAME, "close", "test")
    before = await record_of(house)
    await die("delete", "after sales.delete")
    assert await house.ledger.sales.read(NAME) is None
    async with house.leading(tmp_path):
        house.directory.forget(NAME)
        again = await house.create(NAME)
    assert again.uid != before.uid
    assert (await house.hold(NAME, "key")).units == 2


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
    sold = await _sell(house, "first")
    await _block_two(house)
    await lose(house)
    await die("load", step)
    fresh = build_house(house.executor, house.ledger)
    sale = await fresh.directory.get(NAME)
    head = await head_of(fresh)
    assert (sale.record.epoch, head.units.booked, head.units.blocked) == (2, 2, 2)
    kinds = [event.kind for event in (await sale.hall.events(None, 100)).events]
    assert kinds.count("inventory.rebuilt") == 1
    assert not set(sold) & set((await fresh.hold(NAME, "second")).seats)


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
        return (await head_of(house)).units.blocked == 2

    async with house.leading(tmp_path):
        await until(blocked)
    assert (await head_of(await rebuilt(house))).units.blocked == 2


@pytest.mark.parametrize("step", ["after blocks.want", "after unblock_seats"])
async def test_unblock_that_broke_off_holds(
    house: House, die: Die, tmp_path: Path, step: str
) -> None:
    await house.create(NAME)
    await blocking.block(await house.office(NAME), [0, 1])
    await die("unblock", step)

    async def unblocked() -> bool:
        return (await head_of(house)).units.blocked == 0

    async with house.leading(tmp_path):
        await until(unblocked)
    assert (await head_of(await rebuilt(house))).units.blocked == 0


@pytest.mark.parametrize(
    "step", ["before sales.raise_ceiling", "after sales.raise_ceiling", "after join_line"]
)
@pytest.mark.parametrize("loss", [False, True])
async def test_join_that_broke_off_leaves_no_number_to_two(
    house: House, die: Die, step: str, loss: bool
) -> None:
    await house.create(NAME, queue_all=True)
    await die("join", step)
    worker = await rebuilt(house) if loss else house
    room = (await worker.directory.get(NAME)).room
    numbers = [(await room.join()).ticket.number for _ in range(3)]
    assert len(set(numbers)) == 3
    if step == "after join_line":
        assert min(number or 0 for number in numbers) > 1
    assert max(n or 0 for n in numbers) <= (await record_of(house)).issued_ceiling


@pytest.mark.parametrize("step", ["before claim_pass", "after claim_pass"])
async def test_claim_that_broke_off_gives_the_same_pass_again(
    house: House, die: Die, step: str
) -> None:
    await house.create(NAME, queue_all=True)
    ticket, other = await house.join(NAME), await house.join(NAME)
    await house.operations.patch(NAME, {"queue_all": False}, "test")
    await die("claim", step, ticket=ticket)
    admitted = await house.claim(NAME, ticket)
    assert isinstance(admitted, Admission)
    assert admitted.again is (step == "after claim_pass")
    second = await house.claim(NAME, other)
    assert isinstance(second, Admission)
    assert second.granted.pass_id != admitted.granted.pass_id


@pytest.mark.parametrize("step", ["before hold_seats", "after hold_seats"])
async def test_hold_that_broke_off_is_found_under_its_key(
    house: House, die: Die, step: str
) -> None:
    await house.create(NAME)
    await die("hold", step, key="the-key")
    held = (await head_of(house)).units.held
    assert held == (2 if step == "after hold_seats" else 0)
    hold = await house.hold(NAME, "the-key")
    assert hold.units == (await head_of(house)).units.held == 2


@pytest.mark.parametrize("step", ["before release_hold", "after release_hold"])
async def test_release_that_broke_off_can_be_repeated(house: House, die: Die, step: str) -> None:
    await house.create(NAME)
    hold = await house.hold(NAME, "key")
    await die("release", step, hold=hold.id)
    hall = (await house.directory.get(NAME)).hall
    await hall.release(hold.id, owner="", version=0)
    units = (await head_of(house)).units
    assert (units.held, units.free) == (0, 70)


async def test_checkpoint_that_broke_off_is_older_and_enough(house: House, tmp_path: Path) -> None:
    """No process needs to die: a checkpoint is one write, and the one before it stays."""
    await house.create(NAME)
    sale = await house.directory.get(NAME)
    await house.join(NAME)
    await sale.room.tick()
    await house.builder.checkpoint(sale)
    numbers = [(await sale.room.join()).ticket.number for _ in range(5)]
    fresh = await rebuilt(house)
    later = await (await fresh.directory.get(NAME)).room.join()
    assert later.ticket.number is not None
    assert later.ticket.number > max(number or 0 for number in numbers)
