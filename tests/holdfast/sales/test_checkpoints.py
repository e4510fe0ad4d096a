from conftest import Clock
from support.sales.worker import NAME, Worker, rebuilt, record_of

from holdfast.sales.builder import CHECKPOINT_ANEW_MS
from holdfast_ledger import Actor


async def taken_ms(worker: Worker) -> int:
    """When the checkpoint that the ledger has was taken, another second having passed."""
    sale = await worker.directory.get(NAME)
    await sale.room.tick()
    await worker.builder.checkpoint(sale)
    kept = await worker.ledger.checkpoints.read((await record_of(worker, NAME)).uid)
    assert kept is not None
    return kept.taken_ms


async def test_checkpoint_is_not_written_again_while_nothing_changes(
    worker: Worker, clock: Clock
) -> None:
    await worker.create(NAME, queue_all=True)
    await worker.join(NAME)
    await clock.stand_still()
    first = await taken_ms(worker)
    await clock.advance_ms(1_000)
    assert await taken_ms(worker) == first
    await worker.join(NAME)
    assert await taken_ms(worker) == first + 1_000
    await worker.hold(NAME, "key")
    await clock.advance_ms(1_000)
    assert await taken_ms(worker) == first + 2_000
    await clock.advance_ms(CHECKPOINT_ANEW_MS)
    assert await taken_ms(worker) == first + 2_000 + CHECKPOINT_ANEW_MS


async def test_rebuild_from_the_ledger_knows_who_was_served(worker: Worker) -> None:
    # Given five who were called, two of whom have their pass by the last checkpoint
    await worker.create(NAME, queue_all=True)
    tickets = [await worker.join(NAME) for _ in range(5)]
    await worker.operations.patch(NAME, {"queue_all": False}, Actor("test"))
    passes = [(await worker.claim(NAME, one)).granted.pass_id for one in tickets[:2]]
    await taken_ms(worker)
    # When the store forgets the sale
    worker = await rebuilt(worker, NAME)
    sale = await worker.directory.get(NAME)
    line = (await sale.room.tick()).status
    # Then they are not called again, the others are, and each of both gets what is theirs
    assert (line.called, line.claimed, line.outstanding) == (5, 2, 3)
    again = await worker.claim(NAME, tickets[0])
    assert (again.granted.pass_id, again.claimed) == (passes[0], True)
    other = await worker.claim(NAME, tickets[2])
    assert not other.again
