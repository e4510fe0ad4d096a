"""The end of a run with two stores: the split heals, and all must agree."""

from model.environment.real_store import RealStore
from model.operations import operator
from model.reference.terms import require
from model.sale import HOLD_MAX_SECONDS, UID
from model.state import WORKERS
from model.two_stores.state import TwoStoreState, node_of

from holdfast_inventory.orders.recovery import PATIENCE_MS
from holdfast_ledger import OrderStatus
from holdfast_lua.calls import keys
from holdfast_lua.calls.records import HoldStatus


async def settle(state: TwoStoreState) -> None:
    """The split heals, the former master is gone; all must agree."""
    await state.run()
    state.trace.append("at the end:")
    state.isolated.clear()
    for number in range(WORKERS):
        state.look(number)
        await state.run()
        for _ in range(3):  # refused as it moves; finds a loss; goes on
            await state.run(state.start(number, operator.sweep))
        used = node_of(state.worker(number)).address
        require(used == state.named, "stays", f"{number} stays on {used}")
    for wait_ms in (PATIENCE_MS + 1000, HOLD_MAX_SECONDS * 1000 + 61_000):
        await state.set_clock(state.now_ms + wait_ms)
        for operation in (operator.sweep, operator.recover, operator.sweep):
            state.start(0, operation)
            await state.run()
    await _restart(state, 0)
    await _audit(state)


async def _restart(state: TwoStoreState, number: int) -> None:
    """A process that begins anew counts whether the store has what is sold."""
    state.worker(number).die()
    await state.scheduler.run_until_blocked()
    for _ in range(2):
        state.start(number, operator.sweep)
        await state.run()


async def _audit(state: TwoStoreState) -> None:
    store = RealStore(state.stores[state.named], UID)
    epoch = int(await store.executor.command("HGET", keys.sale(UID), "epoch") or 0)
    record = await state.ledger.sales.read_uid(UID)
    require(epoch == record.epoch, "epoch", f"store {epoch}, ledger {record.epoch}")
    require(state.nonces[epoch] == record.store_nonce, "epoch", "another store has the epoch")
    booked = {
        seat: hold.id
        for hold in await store.holds()
        if hold.status is HoldStatus.CONFIRMED
        for seat in hold.seats
    }
    owners = await state.ledger.orders.owners(UID)
    require(booked == owners, "halfway", f"booked {booked}, sold {owners}")
    require(state.sold.items() <= owners.items(), "promise", f"{state.sold}, sold {owners}")
    orders = await state.ledger.orders.page(UID, limit=500)
    pending = [order.id for order in orders if order.status is OrderStatus.PENDING]
    require(not pending, "halfway", f"pending: {pending}")
