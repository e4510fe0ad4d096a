"""What the operator asks for, and what Holdfast does by itself."""

from collections.abc import Sequence

from model.reference.terms import CLUB
from model.state import Operation
from model.workers.worker import Worker

from holdfast.sales.operations import SaleOperations
from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import Actor
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCalls


async def sweep(inventory: SaleInventory, worker: Worker) -> None:
    await inventory.sweep()


async def recover(inventory: SaleInventory, worker: Worker) -> None:
    await worker.recovery.visit(inventory)


def block(seats: Sequence[int], *, blocked: bool) -> Operation:
    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        context = SaleContext(inventory, worker.ledger)
        await (blocking.block if blocked else blocking.unblock)(context, seats)

    return operation


async def release_allotment(inventory: SaleInventory, worker: Worker) -> None:
    """The operator puts on sale for everybody what is set aside."""
    operations = SaleOperations(worker.builder, worker.directory)
    await operations.patch(inventory.name, {"released_channels": [CLUB]}, Actor("operator"))


async def refresh(inventory: SaleInventory, worker: Worker) -> None:
    """A worker hears of changed settings, and goes on where somebody broke off bringing them in."""
    sale = worker.directory.loaded(inventory.name)
    if sale is not None:
        await worker.directory.refresh(sale)
    sale = worker.directory.loaded(inventory.name)
    if sale is not None:
        await worker.builder.push(sale, sale.record)


def change_lifecycle(change: str) -> Operation:
    """As the operator's request does it: the store first, then the ledger."""

    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        changed = await LineCalls(worker.executor).change_lifecycle(inventory.ref, change)
        if changed.code is Code.OK:
            await worker.ledger.sales.set_lifecycle(inventory.uid, changed.lifecycle)

    return operation
