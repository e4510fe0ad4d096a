"""How often the line of a sale is written down."""

from conftest import Clock
from support.sales.worker import NAME, House, rebuilt, record_of

from holdfast.sales.builder import CHECKPOINT_ANEW_MS


async def taken_ms(house: House) -> int:
    """When the checkpoint that the ledger has was taken, another second having passed."""
    sale = await house.directory.get(NAME)
    await sale.room.tick()
    await house.builder.checkpoint(sale)
    kept = await house.ledger.checkpoints.read((await record_of(house, NAME)).uid)
    assert kept is not None
    return kept.taken_ms


async def test_checkpoint_is_not_written_again_while_nothing_changes(
    house: House, clock: Clock
) -> None:
    await house.create(NAME, queue_all=True)
    await house.join(NAME)
    await clock.stand_still()
    first = await taken_ms(house)
    await clock.advance_ms(1_000)
    assert await taken_ms(house) == first
    await house.join(NAME)
    assert await taken_ms(house) == first + 1_000
    await house.hold(NAME, "key")
    await clock.advance_ms(1_000)
    assert await taken_ms(house) == first + 2_000
    await clock.advance_ms(CHECKPOINT_ANEW_MS)
    assert await taken_ms(house) == first + 2_000 + CHECKPOINT_ANEW_MS


async def test_rebuild_from_the_ledger_knows_who_was_served(house: House) -> None:
    # Given five who were called, two of whom have their pass by the last checkpoint
    await house.create(NAME, queue_all=True)
    tickets = [await house.join(NAME) for _ in range(5)]
    await house.operations.patch(NAME, {"queue_all": False}, "test")
    passes = [(await house.claim(NAME, one)).granted.pass_id for one in tickets[:2]]
    await taken_ms(house)
    # When the store forgets the sale
    house = await rebuilt(house, NAME)
    sale = await house.directory.get(NAME)
    line = (await sale.room.tick()).status
    # Then they are not called again, the others are, and each of both gets what is theirs
    assert (line.called, line.claimed, line.outstanding) == (5, 2, 3)
    again = await house.claim(NAME, tickets[0])
    assert (again.granted.pass_id, again.claimed) == (passes[0], True)
    other = await house.claim(NAME, tickets[2])
    assert not other.again
