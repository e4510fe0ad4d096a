"""What buyers ask for; each function makes an operation that one worker performs."""

from collections.abc import Sequence

from model.reference.terms import AREAS, CLUB, CLUB_SEATS, LODGE, Areas, ScriptRequest, require
from model.sale import HOLD_MAX_SECONDS, HOLD_SECONDS, LIMIT, UID
from model.scheduler import REQUEST
from model.state import Operation, RunState
from model.workers.worker import Worker

from holdfast_inventory.holds.hold_requests import (
    AreaRequest,
    BestAvailable,
    BuyerRef,
    HoldBody,
    HoldRequest,
    hold_id_for,
    resolve,
)
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.paying import void_released_order
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.records import HoldRecord
from holdfast_web.errors import ErrorCode, HoldfastError


def wanted(best: int, units: Areas, seats: Sequence[int]) -> HoldBody:
    """A request: seats by name, or so many, and so much of each area."""
    areas = tuple(AreaRequest(area, n) for area, n in zip(AREAS, units, strict=True) if n)
    if best:
        return HoldBody(best_available=BestAvailable(best), areas=areas)
    return HoldBody(seats=tuple(f"s{seat}" for seat in sorted(set(seats))), areas=areas)


def hold(
    state: RunState, buyer: str, key: int, body: HoldBody, channels: frozenset[str] = frozenset()
) -> Operation:
    """A worker goes by what it has heard: it may refuse what is on sale already, but never sell
    what the ledger does not let out.
    """
    state.requests.append((buyer, key, body, channels))

    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        heard = CLUB in inventory.settings.released
        said = state.checker.ledger.released_in is not None
        require(said or not heard, "channel", "a worker has heard of a release that nobody said")
        barred = CLUB not in channels and not heard
        hold_request = _resolved(inventory, body, channels, barred=barred)
        who = _buyer(buyer)
        hold_id = hold_id_for(UID, who.credential, f"k{key}")
        REQUEST.set(_asked(hold_id, buyer, body, hold_request, barred=barred))
        state.saw(await inventory.hold(hold_request, who, key=f"k{key}", digest=repr(body)))

    return operation


def _buyer(buyer: str) -> BuyerRef:
    return BuyerRef(buyer, f"key:{buyer}")


def _resolved(
    inventory: SaleInventory, body: HoldBody, channels: frozenset[str], *, barred: bool
) -> HoldRequest:
    """Nobody is refused for the lack of a channel that is not needed."""
    try:
        return resolve(body, inventory.plan, inventory.settings, channels)
    except HoldfastError as error:
        named = {f"s{seat}" for seat in CLUB_SEATS} | {AREAS[LODGE]}
        asked = {*body.seats, *(area.id for area in body.areas)}
        fair = error.code is not ErrorCode.CHANNEL_REQUIRED or (barred and named & asked)
        require(bool(fair), "channel", f"{body} was refused")
        raise


def _asked(
    hold_id: str, buyer: str, body: HoldBody, hold_request: HoldRequest, *, barred: bool
) -> ScriptRequest:
    units = {units.area: units.quantity for units in hold_request.areas}
    return ScriptRequest(
        hold_id,
        buyer,
        text=repr(body),
        number=LIMIT,
        seats=frozenset(hold_request.seats),
        quantity=hold_request.best.quantity if hold_request.best else 0,
        areas=tuple(units.get(area, 0) for area in range(len(AREAS))),
        barred=barred,
        hold_ms=HOLD_SECONDS * 1000,
        hold_max_ms=HOLD_MAX_SECONDS * 1000,
    )


def repeat_hold(state: RunState, number: int) -> Operation | None:
    """The same request once more, as after an answer that never came."""
    requests = state.requests
    return hold(state, *requests[number % len(requests)]) if requests else None


def cancel(state: RunState, buyer: str, key: int) -> Operation:
    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        await inventory.cancel(_buyer(buyer), key=f"k{key}")

    return operation


def extend(state: RunState, of: HoldRecord, owner: str, version: int) -> Operation:
    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        state.saw(await inventory.extend(of.id, owner=owner, version=version))

    return operation


def release(state: RunState, of: HoldRecord, owner: str, version: int) -> Operation:
    """As the request does it: of a hold that was being paid the order is voided, too."""

    async def operation(inventory: SaleInventory, worker: Worker) -> None:
        answer = await inventory.release(of.id, owner=owner, version=version)
        fair = owner in ("", of.buyer)
        require(fair or answer.code is not Code.OK, "owner", f"{owner} freed {of.id}")
        if answer.hold is not None and answer.hold.ledger:
            await void_released_order(
                SaleContext(inventory, worker.ledger), answer.hold, answer.now_ms
            )

    return operation
