"""What buyers, the platform and the operator ask for; each of these makes a deed for one worker.

What the platform has been told is remembered, since from then on it must stay true.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.sale import HOLD_MAX_SECONDS, HOLD_SECONDS, LIMIT
from model.scheduler import REQUEST, Worker
from model.state import Deed, RunState
from model.terms import AREAS, CLUB, CLUB_SEATS, LODGE, Areas, Asked, require

from holdfast.sales.operations import SaleOperations
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
from holdfast_inventory.paying import begin_paying, withdraw
from holdfast_inventory.refund import Refunding, RefundRequest
from holdfast_lua.codes import Code
from holdfast_lua.line_calls import LineCalls
from holdfast_lua.stock_records import HoldRecord
from holdfast_web.errors import ErrorCode, HoldfastError

# Buyers


def wanted(best: int, units: Areas, seats: Sequence[int]) -> HoldBody:
    """A request: seats by name, or so many, and so much of each area."""
    areas = tuple(AreaWish(area, n) for area, n in zip(AREAS, units, strict=True) if n)
    if best:
        return HoldBody(best_available=BestAvailable(best), areas=areas)
    return HoldBody(seats=tuple(f"s{seat}" for seat in sorted(set(seats))), areas=areas)


def hold(
    state: RunState, buyer: str, key: int, body: HoldBody, channels: frozenset[str] = frozenset()
) -> Deed:
    """A worker goes by what it has heard: it may refuse what is on sale already, but never sell
    what the ledger does not let out.
    """
    state.requests.append((buyer, key, body, channels))

    async def deed(hall: Hall, worker: Worker) -> None:
        heard = CLUB in hall.settings.released
        said = state.judge.books.released_in is not None
        require(said or not heard, "channel", "a worker has heard of a release that nobody said")
        barred = CLUB not in channels and not heard
        wish = _resolved(hall, body, channels, barred=barred)
        who = _buyer(buyer)
        hold_id = hold_id_for(state.uid, who.credential, f"k{key}")
        REQUEST.set(_asked(hold_id, buyer, body, wish, barred=barred))
        state.saw(await hall.hold(wish, who, key=f"k{key}", digest=repr(body)))

    return deed


def _buyer(buyer: str) -> BuyerRef:
    return BuyerRef(buyer, f"key:{buyer}")


def _resolved(hall: Hall, body: HoldBody, channels: frozenset[str], *, barred: bool) -> Wish:
    """Nobody is refused for the lack of a channel that is not needed."""
    try:
        return resolve(body, hall.plan, hall.settings, channels)
    except HoldfastError as error:
        named = {f"s{seat}" for seat in CLUB_SEATS} | {AREAS[LODGE]}
        asked = {*body.seats, *(area.id for area in body.areas)}
        fair = error.code is not ErrorCode.CHANNEL_REQUIRED or (barred and named & asked)
        require(bool(fair), "channel", f"{body} was refused")
        raise


def _asked(hold_id: str, buyer: str, body: HoldBody, wish: Wish, *, barred: bool) -> Asked:
    units = {units.area: units.quantity for units in wish.areas}
    return Asked(
        hold_id,
        buyer,
        text=repr(body),
        number=LIMIT,
        seats=frozenset(wish.seats),
        quantity=wish.best.quantity if wish.best else 0,
        areas=tuple(units.get(area, 0) for area in range(len(AREAS))),
        barred=barred,
        hold_ms=HOLD_SECONDS * 1000,
        hold_max_ms=HOLD_MAX_SECONDS * 1000,
    )


def hold_again(state: RunState, number: int) -> Deed | None:
    """The same request once more, as after an answer that never came."""
    requests = state.requests
    return hold(state, *requests[number % len(requests)]) if requests else None


def cancel(state: RunState, buyer: str, key: int) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        await hall.cancel(_buyer(buyer), key=f"k{key}")

    return deed


def extend(state: RunState, of: HoldRecord, owner: str, version: int) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        state.saw(await hall.extend(of.id, owner=owner, version=version))

    return deed


def release(state: RunState, of: HoldRecord, owner: str, version: int) -> Deed:
    """As the request does it: of a hold that was being paid the order is voided, too."""

    async def deed(hall: Hall, worker: Worker) -> None:
        answer = await hall.release(of.id, owner=owner, version=version)
        fair = owner in ("", of.buyer)
        require(fair or answer.code is not Code.OK, "owner", f"{owner} freed {of.id}")
        if answer.hold is not None and answer.hold.ledger:
            await withdraw(BoxOffice(hall, worker.ledger), answer.hold, answer.now_ms)

    return deed


# The platform


def pay(state: RunState, of: HoldRecord) -> Deed:
    async def deed(hall: Hall, worker: Worker) -> None:
        await begin_paying(BoxOffice(hall, worker.ledger), of.id)

    return deed


def confirm(
    state: RunState, of: HoldRecord, *, amount: int | None = None, other: bool = False
) -> Deed:
    """The platform has the money: it will repeat exactly this until it is answered."""
    reference = f"{'other' if other else 'ref'}-{of.id}"
    total = of.total if amount is None else amount
    request = ConfirmRequest(reference, f"pay-{of.id}", total)
    if amount is None and not other:
        state.paid[of.id] = request

    async def deed(hall: Hall, worker: Worker) -> None:
        office = BoxOffice(hall, worker.ledger)
        confirmed = await Confirming(worker.afterwards).confirm(office, of.id, request)
        # Lost with its hold and paid back since, it is an order that never had anything.
        sold = confirmed.order.id in state.judge.books.sold_once
        require(amount is None or not sold, "promise", f"{of.id} was confirmed for {amount}")
        state.judge.promised[confirmed.order.id] = reference
        state.judge.keep_promises()

    return deed


def refund(state: RunState, of: HoldRecord, items: tuple[RefundItem, ...] | None, key: str) -> Deed:
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


def let_out(state: RunState) -> Deed:
    """The operator puts on sale for everybody what is set aside."""

    async def deed(hall: Hall, worker: Worker) -> None:
        operations = SaleOperations(worker.builder, worker.directory)
        await operations.patch(hall.name, {"released_channels": [CLUB]}, "operator")

    return deed


def look() -> Deed:
    """A worker hears of changed settings, and goes on where somebody broke off bringing them in."""

    async def deed(hall: Hall, worker: Worker) -> None:
        sale = worker.directory.known(hall.name)
        if sale is not None:
            await worker.directory.refresh(sale)
        sale = worker.directory.known(hall.name)
        if sale is not None:
            await worker.builder.push(sale, sale.record)

    return deed


def operate(operation: str) -> Deed:
    """As the operator's request does it: the store first, then the ledger."""

    async def deed(hall: Hall, worker: Worker) -> None:
        changed = await LineCalls(worker.executor).change_lifecycle(hall.ref, operation)
        if changed.code is Code.OK:
            await worker.ledger.sales.set_lifecycle(hall.uid, changed.lifecycle)

    return deed
