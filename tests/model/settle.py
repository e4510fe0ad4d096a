"""The end of a run: nobody does anything new, recovery comes by, and everything must agree.

The platform repeats every confirm that it had the money for, until it is told what became of it.
"""

from model.checker import SETTLED
from model.operations import operator
from model.reference.terms import AREAS, require
from model.sale import HOLD_MAX_SECONDS, UID
from model.state import Operation, RunState
from model.workers.worker import Worker

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.confirm import ConfirmService
from holdfast_inventory.orders.recovery import PATIENCE_MS
from holdfast_ledger import OrderStatus
from holdfast_web.errors import ErrorCode, HoldfastError

REFUSALS_MAX = 1000
"""a platform that has been sent away so often is not answered at all"""


async def settle(state: RunState) -> None:
    """What is under way is finished; then store, ledger and model must agree."""
    await state.run()
    state.trace.append("at the end:")
    await _recover(state)
    state.trace.append("the platform asks again:")
    for hold_id in list(state.paid):
        await _repeat_confirm(state, hold_id)
    if state.paid:
        await _recover(state)
    await _audit(state)


async def _recover(state: RunState) -> None:
    await _ask(state, operator.recover)
    for wait_ms in (PATIENCE_MS + 1000, HOLD_MAX_SECONDS * 1000 + 61_000):
        await state.set_clock(state.now_ms + wait_ms)
        await _ask(state, operator.recover)
    await _ask(state, operator.sweep)
    await _ask(state, operator.refresh)


async def _ask(state: RunState, operation: Operation) -> None:
    """At one worker, twice where the first only finds out that the store was lost."""
    for _ in range(2):
        state.start(0, operation)
        refused = len(state.recovering)
        await state.run()
        if len(state.recovering) == refused:
            break


async def _repeat_confirm(state: RunState, hold_id: str) -> None:
    """The platform repeats its confirm; it must learn what became of the money."""
    answers: list[object] = []

    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        context = SaleContext(inventory, worker.ledger)
        try:
            request = state.paid[hold_id]
            done = await ConfirmService(worker.background).confirm(context, hold_id, request)
            state.checker.promised[hold_id] = request.order_ref
            answers.append(done.order.status)
        except HoldfastError as error:
            answers.append(error)

    while not answers and len(state.recovering) < REFUSALS_MAX:
        await _ask(state, operation)
    final = answers[-1] if answers else None
    require(
        _is_final(state, hold_id, final), "paid", f"{hold_id} is paid, and the answer: {final!r}"
    )


def _is_final(state: RunState, hold_id: str, answer: object) -> bool:
    if isinstance(answer, HoldfastError):
        # A key was used for another request after a loss: what is held is not what was paid.
        asked = state.checker.digests.get(hold_id, ())
        if len(asked) > 1 and answer.code is ErrorCode.AMOUNT_MISMATCH:
            return True
        forgotten = state.rolled_back or hold_id in state.checker.store.forgotten
        unknown = answer.code is ErrorCode.UNKNOWN_HOLD and forgotten
        mismatch = answer.code is ErrorCode.ORDER_MISMATCH
        return bool(answer.members.get("refund_required")) or mismatch or unknown
    return answer in SETTLED


async def _audit(state: RunState) -> None:
    """Store, ledger and model agree; nothing is left halfway."""
    await state.checker.compare()
    await _audit_ledger(state)
    if not state.rolled_back:  # what such a store has forgotten unnoticed, `reconcile` finds
        await _audit_store(state)


async def _audit_ledger(state: RunState) -> None:
    orders, model = state.ledger.orders, state.checker.ledger
    owners = await orders.owners(UID)
    require(owners == model.owners(), "double", f"{owners} are sold")
    sold = await orders.area_units(UID)
    units = tuple(sold[area] for area in AREAS)
    require(units == model.areas_sold(), "double", f"{sold} are sold")
    for order in await orders.page(UID, limit=500):
        model.compare(order.id, order)
        require(order.status is not OrderStatus.PENDING, "halfway", f"{order}")


async def _audit_store(state: RunState) -> None:
    """The ledger model has just been shown to be right, so the store is held against that."""
    store, sold = state.checker.store, set(state.checker.ledger.owners())
    booked = {s for s, letter in enumerate(store.states()) if letter == "b"}
    require(booked == sold, "halfway", f"booked {booked}, sold {sold}")
    wanted = await state.ledger.seat_blocks.blocked(UID)
    require(store.blocked == set(wanted), "halfway", f"to be blocked: {wanted}")
    unreleased = store.allotted and state.checker.ledger.released_in is not None
    require(not unreleased, "halfway", "the ledger has released what the store sets aside")
    halfway = [h for h in store.living() if h.status.name == "CONFIRMING"]
    require(not halfway, "halfway", f"{halfway}")
