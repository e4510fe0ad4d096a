"""A drawn lobby through losses of the store: before the seal and after it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from conftest import fresh_uid
from support.store.event_bodies import event_bodies

from holdfast.sales.draws import starts_with
from holdfast.sales.spec import AreaSpec, SaleSpec, spec_to_json
from holdfast.sales.spec_mapping import draw_of
from holdfast.sales.store.install import Installer, line_checkpoint
from holdfast_ledger import DrawRecord, Ledger, SaleDraft, SaleRecord
from holdfast_lua import SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.line import Advanced, LineCalls
from holdfast_lua.calls.line_status import DrawState
from holdfast_lua.calls.sale import SaleCalls
from holdfast_queue.draw.commitment import Sealed, commit, fold_nonces
from holdfast_web.timestamps import unix_ms

SECRET = bytes(range(32))
COMMITTED_MS = 1_700_000_000_000
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

    async def events(self, kind: str) -> list[dict[str, Any]]:
        key = keys.events(self.ref.uid)
        entries = await self.installer.executor.command("XRANGE", key, "-", "+")
        return [body for body in event_bodies(entries) if body["type"] == kind]

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
        uid,
        f"sale-{uid}",
        spec_to_json(LOBBY),
        areas={"floor": 50},
        draw_secret=SECRET,
        draw_starts=((unix_ms(LOBBY.event_start_time), COMMITTED_MS),),
    )
    record = await ledger.sales.create(draft)
    await installer.install(record)
    await ledger.sales.raise_ceiling(uid, epoch=1, ceiling=100)
    return Sale(installer, await ledger.sales.read_uid(uid))


async def test_new_sale_has_the_chain_of_its_commitment(sale: Sale) -> None:
    draw = draw_of(sale.record, LOBBY)
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
    assert before.closed_ms > 0
    seal = DrawRecord(
        sale.ref.uid, before.lobby, before.accumulator, "00ff", 17, closed_ms=before.closed_ms
    )
    await ledger.draws.seal(seal, epoch=1)
    await sale.calls.seal_draw(sale.ref, seal.entrants, seal.accumulator, seal.beacon)
    await sale.lose_and_rebuild()
    after = (await sale.advance()).status
    assert (after.frozen, after.lobby, after.draw) == (True, 4, DrawState.SEALED)
    assert (after.accumulator, after.beacon) == (before.accumulator, "00ff")
    assert (after.closed_ms, after.sealed_ms) == (before.closed_ms, 17)
    # The numbers of the lobby are no gap: they are the drawn visitors' own
    assert after.gaps == ((5, 100),)
    draw = draw_of(sale.record, LOBBY)
    assert draw is not None
    sealed = Sealed(after.lobby, after.accumulator, after.beacon)
    assert sorted(draw.order(sealed).numbers()) == [1, 2, 3, 4]


async def test_closing_outlives_a_loss_before_the_seal(sale: Sale) -> None:
    """Catches a lobby that seems to have been closed when the store came back."""
    await sale.join("a")
    await sale.calls.change_lifecycle(sale.ref, "open")
    before = (await sale.advance()).status
    await sale.checkpoint()
    await sale.lose_and_rebuild()
    after = (await sale.advance()).status
    assert after.frozen
    assert after.closed_ms == before.closed_ms > 0


async def test_commitment_is_told_once_and_not_by_a_rebuild(sale: Sale) -> None:
    draw = draw_of(sale.record, LOBBY)
    assert draw is not None
    assert draw.starts[0].at_ms == COMMITTED_MS
    (told,) = await sale.events("draw.committed")
    assert told["data"]["commitment"] == draw.commitment
    assert (
        draw.starts[0].start_ms
        == msgspec.convert(told["data"]["start"], datetime).timestamp() * 1000
    )
    await sale.lose_and_rebuild()
    assert await sale.events("draw.committed") == []


async def test_draw_committed_to_without_a_start_goes_on_as_it_was(
    installer: Installer, ledger: Ledger
) -> None:
    """A sale that the ledger had before starts were bound: its commitment has been seen."""
    uid = fresh_uid()
    draft = SaleDraft(
        uid, f"sale-{uid}", spec_to_json(LOBBY), areas={"floor": 50}, draw_secret=SECRET
    )
    record = await ledger.sales.create(draft)
    await installer.install(record)
    draw = draw_of(record, LOBBY)
    assert draw is not None
    assert (draw.algorithm, draw.commitment) == ("holdfast-draw-1", commit(SECRET))
    moved = msgspec.structs.replace(LOBBY, event_start_time=None)
    assert starts_with(record, moved, 1) == ()


async def test_fifo_sale_has_nothing_to_draw(installer: Installer, ledger: Ledger) -> None:
    uid = fresh_uid()
    spec = msgspec.structs.replace(LOBBY, queueing_method="fifo")
    record = await ledger.sales.create(
        SaleDraft(uid, f"sale-{uid}", spec_to_json(spec), areas={"floor": 50})
    )
    await installer.install(record)
    status = (await Sale(installer, record).advance()).status
    assert (status.draw, status.accumulator) == (DrawState.NONE, "")
