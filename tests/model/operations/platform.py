"""What the ticket platform asks for: paying, confirms and refunds.

What the platform has been told is remembered, since from then on it must stay true.
"""

from model.reference.terms import require
from model.state import Operation, RunState
from model.workers.worker import Worker

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.confirm import ConfirmRequest, ConfirmService
from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_ledger import RefundItem
from holdfast_lua.calls.records import HoldRecord


def pay(state: RunState, of: HoldRecord) -> Operation:
    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        await begin_paying(SaleContext(inventory, worker.ledger), of.id)

    return operation


def confirm(
    state: RunState, of: HoldRecord, *, amount: int | None = None, other: bool = False
) -> Operation:
    """The platform has the money: it will repeat exactly this until it is answered."""
    reference = f"{'other' if other else 'ref'}-{of.id}"
    total = of.total if amount is None else amount
    request = ConfirmRequest(reference, f"pay-{of.id}", total)
    if amount is None and not other:
        state.paid[of.id] = request

    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        context = SaleContext(inventory, worker.ledger)
        confirmed = await ConfirmService(worker.background).confirm(context, of.id, request)
        # Lost with its hold and paid back since, it is an order that never had anything.
        sold = confirmed.order.id in state.checker.ledger.sold_once
        require(amount is None or not sold, "promise", f"{of.id} was confirmed for {amount}")
        state.checker.promised[confirmed.order.id] = reference
        state.checker.keep_promises()

    return operation


def refund(
    state: RunState, of: HoldRecord, items: tuple[RefundItem, ...] | None, key: str
) -> Operation:
    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        context = SaleContext(inventory, worker.ledger)
        refund_service = RefundService(worker.background)
        await refund_service.refund(context, of.id, RefundRequest(items), key or None)

    return operation
