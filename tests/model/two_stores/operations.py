"""What is asked of the workers in a run with two stores."""

from __future__ import annotations

from model.sale import BUYERS
from model.two_stores.state import Operation, TwoStoreState
from model.workers.worker import Worker

from holdfast_inventory.holds.hold_requests import BuyerRef, HoldBody, resolve
from holdfast_inventory.holds.sale_inventory import Hall
from holdfast_inventory.orders.confirm import Confirming, ConfirmRequest
from holdfast_inventory.orders.orders import BoxOffice
from holdfast_lua.calls.records import HoldRecord
from holdfast_web.errors import ErrorCode, HoldfastError


async def sweep(hall: Hall, worker: Worker) -> None:
    await hall.sweep()


async def recover(hall: Hall, worker: Worker) -> None:
    await worker.recovery.visit(hall)


def hold(state: TwoStoreState, seat: int, key: int) -> Operation:
    buyer = BUYERS[key % len(BUYERS)]

    async def operation(hall: Hall, worker: Worker) -> None:
        body = HoldBody(seats=(f"s{seat}",))
        wish = resolve(body, hall.plan, hall.settings, frozenset())
        who = BuyerRef(buyer, f"key:{buyer}")
        answer = await hall.hold(wish, who, key=f"k{key}", digest=repr(body))
        if answer.hold is not None:
            state.seen[answer.hold.id] = answer.hold

    return operation


def confirm(state: TwoStoreState, of: HoldRecord) -> Operation:
    async def operation(hall: Hall, worker: Worker) -> None:
        request = ConfirmRequest(f"ref-{of.id}", f"pay-{of.id}", of.total)
        try:
            await Confirming(worker.background).confirm(
                BoxOffice(hall, worker.ledger), of.id, request
            )
        except HoldfastError as error:
            if error.code in (ErrorCode.UNKNOWN_HOLD, ErrorCode.HOLD_LOST):
                await state.not_known(of)
            raise
        state.confirmed(of)

    return operation
