"""A worker crashes in the middle of what visitors ask of a sale, and others go on.

As in test_sale_crashes.py: a real process crashes at each step, and the steps are the rows of
docs/correctness.md.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from conftest import Clock
from support.crashes.crashing_worker import ORIGIN, CrashingWorker
from support.http.refusals import refusal_of
from support.sales.worker import NAME, Worker, rebuilt, record_of, until

from holdfast_ledger import Actor
from holdfast_lua.calls.line_status import DrawState
from holdfast_queue.line.results import Admission
from holdfast_queue.tokens.identities import Identity
from holdfast_web.credentials import PassClaims
from holdfast_web.errors import ErrorCode, HoldfastError

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.mark.parametrize(
    "step", ["before sales.raise_ceiling", "after sales.raise_ceiling", "after join_line"]
)
@pytest.mark.parametrize("loss", [False, True])
async def test_join_that_broke_off_leaves_no_number_to_two(
    worker: Worker, crash: CrashingWorker, step: str, loss: bool
) -> None:
    await worker.create(NAME, queue_all=True)
    await crash("join", step)
    finder = await rebuilt(worker, NAME) if loss else worker
    room = (await finder.directory.get(NAME)).room
    numbers = [(await room.join()).ticket.number for _ in range(3)]
    assert len(set(numbers)) == 3
    if step == "after join_line":
        assert min(number or 0 for number in numbers) > 1
    assert max(n or 0 for n in numbers) <= (await record_of(worker, NAME)).issued_ceiling


@pytest.mark.parametrize("step", ["before claim_pass", "after claim_pass"])
async def test_claim_that_broke_off_gives_the_same_pass_again(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME, queue_all=True)
    ticket, other = await worker.join(NAME), await worker.join(NAME)
    await worker.operations.patch(NAME, {"queue_all": False}, Actor("test"))
    await crash("claim", step, ticket=ticket)
    admitted = await worker.claim(NAME, ticket)
    assert admitted.again is (step == "after claim_pass")
    second = await worker.claim(NAME, other)
    assert second.granted.pass_id != admitted.granted.pass_id


@pytest.mark.parametrize("step", ["before checkpoints.save", "after checkpoints.save"])
async def test_checkpoint_that_broke_off_is_older_and_enough(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    """Given numbers that no checkpoint knows of, they are not given out again after a loss."""
    await worker.create(NAME)
    sale = await worker.directory.get(NAME)
    await worker.join(NAME)
    await sale.room.tick()
    await worker.builder.checkpoint(sale)
    numbers = [(await sale.room.join()).ticket.number for _ in range(5)]
    await crash("checkpoint", step)
    fresh = await rebuilt(worker, NAME)
    later = await (await fresh.directory.get(NAME)).room.join()
    assert later.ticket.number is not None
    assert later.ticket.number > max(number or 0 for number in numbers)


@pytest.mark.parametrize("step", ["before advance_line", "after advance_line"])
async def test_step_of_the_line_that_broke_off_is_gone_on_with(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME, queue_all=True)
    tickets = [await worker.join(NAME) for _ in range(3)]
    await worker.operations.patch(NAME, {"queue_all": False}, Actor("test"))
    await crash("tick", step)
    passes = [await worker.claim(NAME, ticket) for ticket in tickets]
    assert len({admission.granted.pass_id for admission in passes}) == 3
    called = [event for event in await _bodies(worker) if event["type"] == "line.called"]
    numbers = [n for one in called for n in _range(one["data"])]
    assert numbers == [1, 2, 3]


def _range(data: dict[str, int]) -> range:
    return range(data["first"], data["last"] + 1)


async def _bodies(worker: Worker) -> list[dict[str, Any]]:
    inventory = (await worker.directory.get(NAME)).inventory
    return [msgspec.msgpack.decode(e.body) for e in (await inventory.events(None, 1_000)).events]


async def admitted(worker: Worker) -> Admission:
    """A visitor with a pass."""
    return await worker.claim(NAME, await worker.join(NAME))


@pytest.mark.parametrize("step", ["before renew_pass", "after renew_pass"])
async def test_renewal_that_broke_off_can_be_repeated(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME)
    admission = await admitted(worker)
    claims = _claims(admission)
    await crash("renew", step, claims=msgspec.json.encode(claims).decode())
    room = (await worker.directory.get(NAME)).room
    again = await room.renew(claims)
    assert again.granted.pass_id == admission.granted.pass_id
    assert again.granted.expires_at_ms >= admission.granted.expires_at_ms


@pytest.mark.parametrize("step", ["before return_pass", "after return_pass", "after renew_pass"])
async def test_return_of_a_lost_epochs_pass_that_broke_off_can_be_repeated(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    """Given a pass of before the loss, its return counts once, and its renewal succeeds."""
    await worker.create(NAME)
    admission = await admitted(worker)
    fresh = await rebuilt(worker, NAME)
    claims = _claims(admission)
    await crash("renew", step, claims=msgspec.json.encode(claims).decode())
    room = (await fresh.directory.get(NAME)).room
    assert (await room.renew(claims)).granted.pass_id == admission.granted.pass_id
    await room.end(claims.pass_id)
    with pytest.raises(HoldfastError):
        await room.renew(claims)


def _claims(admission: Admission) -> PassClaims:
    granted = admission.granted
    return PassClaims(
        sale=granted.sale,
        uid=granted.uid,
        pass_id=granted.pass_id,
        subject=granted.subject,
        expires_at=granted.expires_at_ms // 1000,
        epoch=granted.epoch,
    )


@pytest.mark.parametrize("step", ["before end_pass", "after end_pass"])
async def test_end_of_a_pass_that_broke_off_frees_one_slot_once(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME)
    mine, other = await admitted(worker), await admitted(worker)
    await crash("end", step, pass_id=mine.granted.pass_id)
    room = (await worker.directory.get(NAME)).room
    await room.end(mine.granted.pass_id)
    assert (await room.tick()).status.active == 1
    ended = [body for body in await _bodies(worker) if body["type"] == "pass.ended"]
    assert [one["subject"] for one in ended] == [mine.granted.pass_id]
    assert (await room.renew(_claims(other))).granted.pass_id == other.granted.pass_id


@pytest.mark.parametrize("step", ["before exchange_handoff", "after exchange_handoff"])
async def test_exchange_that_broke_off_costs_a_hand_off_and_no_pass(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    """Given a hand-off that may be used up, the ticket gets another one, of the same pass."""
    await worker.create(NAME)
    ticket = await worker.join(NAME)
    admission = await worker.claim(NAME, ticket)
    room = (await worker.directory.get(NAME)).room
    token = room.handoff(admission, ORIGIN)
    await crash("exchange", step, token=token)
    if step.startswith("after"):
        assert (await refusal_of(room.exchange(token, ORIGIN))).code is ErrorCode.HANDOFF_USED
        again = await worker.claim(NAME, ticket)
        token = room.handoff(again, ORIGIN)
    exchanged = await room.exchange(token, ORIGIN)
    assert exchanged.granted.pass_id == admission.granted.pass_id


@pytest.mark.parametrize(
    "step", ["after join_line", "before bind_identity 2", "after bind_identity 2"]
)
async def test_join_of_an_identity_that_broke_off_leaves_it_one_place(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME, queue_all=True, identity="optional")
    await crash("enrol", step)
    room = (await worker.directory.get(NAME)).room
    first, second = (
        await room.join(identity=Identity("ann")),
        await room.join(identity=Identity("ann")),
    )
    assert first.ticket.number == second.ticket.number
    bound = step == "after bind_identity 2"
    assert (first.again, first.ticket.number) == ((True, 1) if bound else (False, 2))


@pytest.mark.parametrize("loss", [False, True])
@pytest.mark.parametrize(
    "step", ["before draws.seal", "after draws.seal", "before seal_draw", "after seal_draw"]
)
async def test_seal_that_broke_off_is_finished_as_it_was_begun(
    worker: Worker, crash: CrashingWorker, clock: Clock, step: str, loss: bool
) -> None:
    """Given a lobby of five, all workers come to one order, which no loss changes."""
    soon = datetime.now(UTC) + timedelta(minutes=10)
    await worker.create(
        NAME, queueing_method="random", event_start_time=soon, prequeue_start_time=LONG_AGO
    )
    tickets = [await worker.join(NAME) for _ in range(5)]
    await clock.advance(601)
    await crash("seal", step)
    sealed = await worker.ledger.draws.read((await record_of(worker, NAME)).uid)
    finder = await rebuilt(worker, NAME) if loss and sealed is not None else worker
    room = (await finder.directory.get(NAME)).room

    async def drawn() -> bool:
        await room.tick()
        return room.document.line.draw is DrawState.SEALED

    await until(drawn)
    read = [room.read_ticket(ticket) for ticket in tickets]
    assert sorted(room.number_of(one) or 0 for one in read if one) == [1, 2, 3, 4, 5]
    held = await worker.ledger.draws.read(room.uid)
    assert held is not None
    assert sealed in (None, held)
    line = room.document.line
    assert held.accumulator == line.accumulator
    assert (held.closed_ms, held.sealed_ms) == (line.closed_ms, line.sealed_ms)
    assert line.opens_ms <= line.closed_ms <= line.sealed_ms


@pytest.mark.parametrize("step", ["after draws.seal", "after seal_draw"])
async def test_beacon_that_broke_off_is_the_one_that_counts(
    worker: Worker, crash: CrashingWorker, clock: Clock, step: str
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=10)
    await worker.create(
        NAME,
        queueing_method="random",
        event_start_time=soon,
        prequeue_start_time=LONG_AGO,
        draw_beacon="the stars",
    )
    await worker.join(NAME)
    await clock.advance(601)
    await crash("beacon", step)
    with pytest.raises(HoldfastError):
        await worker.operations.give_beacon(NAME, "another", Actor("test"))
    await worker.operations.give_beacon(NAME, "beacon", Actor("test"))
    line = (await worker.directory.get(NAME)).room.document.line
    assert (line.draw, line.beacon) == (DrawState.SEALED, "beacon")
