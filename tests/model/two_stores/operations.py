"""What is asked of the workers in a run with two stores."""

from model.sale import BUYERS
from model.state import Operation
from model.two_stores.state import TwoStoreState
from model.workers.worker import Worker

from holdfast_inventory.holds.hold_requests import BuyerRef, HoldBody, resolve
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.confirm import ConfirmRequest, ConfirmService
from holdfast_lua.calls.records import HoldRecord
from holdfast_web.errors import ErrorCode, HoldfastError


def hold(state: TwoStoreState, seat: int, key: int) -> Operation:
    buyer = BUYERS[key % len(BUYERS)]

    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        body = HoldBody(seats=(f"s{seat}",))
        hold_request = resolve(body, inventory.plan, inventory.settings, frozenset())
        who = BuyerRef(buyer, f"key:{buyer}")
        answer = await inventory.hold(hold_request, who, key=f"k{key}", digest=repr(body))
        if answer.hold is not None:
            state.seen[answer.hold.id] = answer.hold

    return operation


def confirm(state: TwoStoreState, of: HoldRecord) -> Operation:
    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        request = ConfirmRequest(f"ref-{of.id}", f"pay-{of.id}", of.total)
        try:
            await ConfirmService(worker.background).confirm(
                SaleContext(inventory, worker.ledger), of.id, request
            )
        except HoldfastError as error:
            if error.code in (ErrorCode.UNKNOWN_HOLD, ErrorCode.HOLD_LOST):
                await state.not_known(of)
            raise
        state.confirmed(of)

    return operation
