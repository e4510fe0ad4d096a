"""A drawn lobby through losses of the store: before the seal and after it."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from conftest import fresh_uid

from holdfast.sales.install import Installer, line_checkpoint
from holdfast.sales.spec import AreaSpec, SaleSpec, spec_to_json
from holdfast.sales.translate import draw_of
from holdfast_inventory.ledger import DrawRecord, Ledger, SaleDraft, SaleRecord
from holdfast_lua import SaleRef
from holdfast_lua.line_calls import Advanced, LineCalls
from holdfast_lua.line_status import DrawState
from holdfast_lua.sale_calls import SaleCalls
from holdfast_queue.draw import Sealed, fold_nonces

SECRET = bytes(range(32))
LOBBY = SaleSpec(
    name="Night",
    areas=(AreaSpec(id="floor", name="Floor", capacity=50, category="GA"),),
    prices={"GA": 100},
    queueing_method="random",
    prequeue_start_time=datetime.now(UTC) - timedelta(hours=1),
    event_start_time=datetime.now(UTC) + timedelta(days=1),
)


class Sale:
    """One drawn sale, in the ledger and in the store."""

    def __init__(self, installer: Installer, record: SaleRecord) -> None:
        self.installer, self.record = installer, record
        self.calls = LineCalls(installer.executor)
        self.ref = SaleRef(record.uid, record.epoch)

    async def join(self, *nonces: str) -> int:
        digest = fold_nonces(nonces)
        joined = await self.calls.join_line(self.ref, len(nonces), 100, (), digest)
        return joined.first

    async def advance(self) -> Advanced:
        await asyncio.sleep(0.11)
        return await self.calls.advance_line(self.ref)

    async def checkpoint(self) -> None:
        now = await self.advance()
        called = await self.calls.read_calls(self.ref)
        kept = line_checkpoint(self.ref.uid, self.ref.epoch, now.status, called)
        await self.installer.ledger.checkpoints.save(kept)

    async def lose_and_rebuild(self) -> None:
        """What FLUSHALL would do, to one sale, and what follows."""
        await SaleCalls(self.installer.executor).remove(self.ref.uid)
        ledger = self.installer.ledger
        rebuilt = await self.installer.rebuild(await ledger.sales.read_uid(self.ref.uid))
        self.ref = SaleRef(self.ref.uid, rebuilt.epoch)


@pytest.fixture
async def sale(installer: Installer, ledger: Ledger) -> Sale:
    """In its lobby, with a hundred places promised."""
    uid = fresh_uid()
    draft = SaleDraft(
        uid, f"sale-{uid}", spec_to_json(LOBBY), areas={"floor": 50}, draw_secret=SECRET
    )
    record = await ledger.sales.create(draft)
    await installer.install(record)
    await ledger.sales.raise_ceiling(uid, epoch=1, ceiling=100)
    return Sale(installer, await ledger.sales.read_uid(uid))


async def test_new_sale_has_the_chain_of_its_commitment(sale: Sale) -> None:
    draw = draw_of(sale.ref.uid, SECRET, LOBBY)
    assert draw is not None
    status = (await sale.advance()).status
    assert (status.draw, status.accumulator) == (DrawState.TO_COME, draw.start)


async def test_lobby_goes_on_after_a_loss_with_the_epoch_in_the_chain(sale: Sale) -> None:
    await sale.join("a", "b")
    await sale.checkpoint()
    kept = (await sale.advance()).status.accumulator
    await sale.join("lost")
    await sale.lose_and_rebuild()
    status = (await sale.advance()).status
    assert (status.phase, status.issued, status.gaps) == ("lobby", 100, ())
    assert status.accumulator not in {kept, ""}
    assert status.draw is DrawState.TO_COME


async def test_sealed_draw_outlives_a_loss_and_any_checkpoint(sale: Sale, ledger: Ledger) -> None:
    """Given a checkpoint of the open lobby, the draw comes back as the ledger has sealed it."""
    await sale.join("a", "b", "c")
    await sale.checkpoint()
    await sale.join("d")
    await sale.calls.change_lifecycle(sale.ref, "open")
    before = (await sale.advance()).status
    seal = DrawRecord(sale.ref.uid, before.lobby, before.accumulator, "00ff", 1)
    await ledger.draws.seal(seal, epoch=1)
    await sale.calls.seal_draw(sale.ref, seal.entrants, seal.accumulator, seal.beacon)
    await sale.lose_and_rebuild()
    after = (await sale.advance()).status
    assert (after.frozen, after.lobby, after.draw) == (True, 4, DrawState.SEALED)
    assert (after.accumulator, after.beacon) == (before.accumulator, "00ff")
    # The numbers of the lobby are no gap: they are the drawn visitors' own
    assert after.gaps == ((5, 100),)
    draw = draw_of(sale.ref.uid, SECRET, LOBBY)
    assert draw is not None
    sealed = Sealed(after.lobby, after.accumulator, after.beacon)
    assert sorted(draw.order(sealed).numbers()) == [1, 2, 3, 4]


async def test_fifo_sale_has_nothing_to_draw(installer: Installer, ledger: Ledger) -> None:
    uid = fresh_uid()
    spec = msgspec.structs.replace(LOBBY, queueing_method="fifo")
    record = await ledger.sales.create(
        SaleDraft(uid, f"sale-{uid}", spec_to_json(spec), areas={"floor": 50})
    )
    await installer.install(record)
    status = (await Sale(installer, record).advance()).status
    assert (status.draw, status.accumulator) == (DrawState.NONE, "")
