"""What buyers, the platform and the operator ask for; each of these makes a deed for one worker.

What the platform has been told is remembered, since from then on it must stay true.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.sale import HOLD_MAX_SECONDS, HOLD_SECONDS, LIMIT
from model.stage import REQUEST, Worker
from model.terms import Asked, require
from model.world import Deed, World

from holdfast_inventory import blocking
from holdfast_inventory.confirm import Confirming, ConfirmRequest
from holdfast_inventory.hall import Hall
from holdfast_inventory.holds import (
    AreaWish,
    BestAvailable,
    BuyerRef,
    HoldBody,
    Wish,
    hold_id_for,
    resolve,
)
from holdfast_inventory.ledger import RefundItem
from holdfast_inventory.orders import BoxOffice
from holdfast_inventory.paying import begin_paying
from holdfast_inventory.refund import Refunding, RefundRequest
from holdfast_lua.codes import Code
from holdfast_lua.line_calls import LineCalls
from holdfast_lua.stock_records import HoldRecord

# Buyers


def wanted(best: int, floor: int, seats: Sequence[int]) -> HoldBody:
    """A request: seats by name, or so many, and so much of the floor."""
    areas = (AreaWish("floor", floor),) if floor else ()
    if best:
        return HoldBody(best_available=BestAvailable(best), areas=areas)
    return HoldBody(seats=tuple(f"s{seat}" for seat in sorted(set(seats))), areas=areas)


def hold(world: World, buyer: str, key: int, body: HoldBody) -> Deed:
    world.requests.append((buyer, key, body))

    async def deed(hall: Hall, worker: Worker) -> None:
        wish = resolve(body, hall.plan, hall.settings)
        who = _buyer(buyer)
        hold_id = hold_id_for(world.uid, who.credential, f"k{key}")
        REQUEST.set(_asked(hold_id, buyer, body, wish))
        world.saw(await hall.hold(wish, who, key=f"k{key}", digest=repr(body)))

    return deed


def _buyer(buyer: str) -> BuyerRef:
    return BuyerRef(buyer, f"key:{buyer}")


def _asked(hold_id: str, buyer: str, body: HoldBody, wish: Wish) -> Asked:
    return Asked(
        hold_id,
        buyer,
        text=repr(body),
        number=LIMIT,
        seats=frozenset(wish.seats),
        quantity=wish.best.quantity if wish.best else 0,
        floor=sum(units.quantity for units in wish.areas),
        hold_ms=HOLD_SECONDS * 1000,
        hold_max_ms=HOLD_MAX_SECONDS * 1000,
    )


def hold_again(world: World, number: int) -> Deed | None:
    """The same request once more, as after an answer that never came."""
    requests = world.requests
    return hold(world, *requests[number % len(requests)]) if requests else None


def cancel(world: World, buyer: str, key: int) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        await hall.cancel(_buyer(buyer), key=f"k{key}")

    return deed


def extend(world: World, of: HoldRecord, owner: str, version: int) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        world.saw(await hall.extend(of.id, owner=owner, version=version))

    return deed


def release(world: World, of: HoldRecord, owner: str, version: int) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        answer = await hall.release(of.id, owner=owner, version=version)
        fair = owner in ("", of.buyer)
        require(fair or answer.code is not Code.OK, "owner", f"{owner} freed {of.id}")

    return deed


# The platform


def pay(world: World, of: HoldRecord) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        await begin_paying(BoxOffice(hall, worker.ledger), of.id)

    return deed


def confirm(
    world: World, of: HoldRecord, *, amount: int | None = None, other: bool = False
) -> Deed:
    """The platform has the money: it will repeat exactly this until it is answered."""
    reference = f"{'other' if other else 'ref'}-{of.id}"
    total = of.total if amount is None else amount
    request = ConfirmRequest(reference, f"pay-{of.id}", total)
    if amount is None and not other:
        world.paid[of.id] = request

    async def deed(hall: Hall, worker: Worker) -> None:
        office = BoxOffice(hall, worker.ledger)
        confirmed = await Confirming(worker.afterwards).confirm(office, of.id, request)
        require(amount is None, "promise", f"{of.id} was confirmed for {amount}")
        world.judge.promised[confirmed.order.id] = reference
        world.judge.keep_promises()

    return deed


def refund(world: World, of: HoldRecord, items: tuple[RefundItem, ...] | None, key: str) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        office = BoxOffice(hall, worker.ledger)
        refunding = Refunding(worker.afterwards)
        await refunding.refund(office, of.id, RefundRequest(items), key or None)

    return deed


# Holdfast itself, and the operator


def sweep() -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        await hall.sweep()

    return deed


def recover() -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        await worker.recovery.visit(hall)

    return deed


def block(seats: Sequence[int], *, blocked: bool) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        office = BoxOffice(hall, worker.ledger)
        await (blocking.block if blocked else blocking.unblock)(office, seats)

    return deed


def operate(operation: str) -> Deed:
    """As the operator's request does it: the store first, then the ledger."""

    async def deed(hall: Hall, worker: Worker) -> None:
        changed = await LineCalls(worker.executor).change_lifecycle(hall.ref, operation)
        if changed.code is Code.OK:
            await worker.ledger.sales.set_lifecycle(hall.uid, changed.lifecycle)

    return deed
