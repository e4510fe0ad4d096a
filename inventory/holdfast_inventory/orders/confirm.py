"""Confirms a paid hold: makes it a sold order, exactly once, whatever fails on the way.

    begin_confirm (store)   active or paying -> confirming: from here on time cannot free the seats
    Sell (ledger)           PENDING or nothing -> SOLD with its seats, or LOST: this decides
    finish_confirm (store)  confirming -> confirmed: booked, with its event
    answer                  to the client, 0.25 s later at most: what the ledger has decided

A crash after the first step leaves a hold that nobody sells: recovery voids the order in the
ledger, then frees it. After the second the order is sold and recovery finishes the rest. The
version of the hold is part of the intent: the ledger refuses a confirm that a void has overtaken,
which then begins again.

A late payment is settled by the sale's policy. When nothing can be had for it, an order that
requires a refund is written to the ledger, so that every payment has a record and a repeated
request gets the same answer.

Rejected: deciding in the store and writing the ledger later. Redis loses acknowledged writes in a
failover.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from holdfast_inventory.holds.choice import ChoiceCompiler
from holdfast_inventory.holds.hold_requests import BuyerName
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.holds.unknown_holds import may_be_lost
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.flags import FlagService, SettledConfirm
from holdfast_inventory.orders.orders import acted, order_of_hold, require_buyer
from holdfast_inventory.orders.store_sync import free_voided_hold, sync_order
from holdfast_inventory.settings import LatePayment
from holdfast_ledger import (
    Actor,
    EpochPassed,
    MarkLost,
    Order,
    OrderFlag,
    OrderStatus,
    Outcome,
    Sell,
    Verdict,
)
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import HoldAnswer, SeatChoice
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_web.errors import ErrorCode, HoldfastError, invalid

BEGINS_MAX: Final = 3
SWEEPS_MAX: Final = 100
SEEDS: Final = 2**31
AMOUNT_MAX: Final = 2**53
Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]

HOLD_EXPIRED: Final = "hold_expired"
HOLD_RELEASED: Final = "hold_released"
HOLD_LOST: Final = "hold_lost"

_BEGUN = (Code.OK, Code.UNCHANGED, Code.HOLD_CONFIRMED, Code.HOLD_REACQUIRED)
_GONE = {HOLD_EXPIRED: ErrorCode.HOLD_EXPIRED, HOLD_RELEASED: ErrorCode.HOLD_RELEASED}


class ConfirmRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../holds/{id}/confirm`: the payment."""

    order_ref: Reference
    payment_ref: Reference | None = None
    amount: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)] | None = None
    buyer: BuyerName | None = None
    """whose the hold must be, if given"""


class ConfirmCall(NamedTuple):
    """The request to confirm, and whose it is; without an actor nobody is noted in the order."""

    request: ConfirmRequest
    actor: Actor | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The sold order; `again` when an earlier request had settled it."""

    order: Order
    again: bool


class ConfirmService:
    """Confirms holds of any sale."""

    def __init__(self, background: BackgroundTasks, flags: FlagService | None = None) -> None:
        self._background = background
        self._flags = flags

    async def confirm(
        self,
        context: SaleContext,
        hold_id: str,
        request: ConfirmRequest,
        actor: Actor | None = None,
    ) -> Confirmed:
        """The sold order; HoldfastError with `refund_required` when nothing can be had."""
        call = ConfirmCall(request, actor)
        started = time.monotonic()
        for _ in range(BEGINS_MAX):
            try:
                attempt = await _attempt(context, hold_id, call)
            except HoldfastError as refusal:
                if refusal.code is ErrorCode.AMOUNT_MISMATCH and self._flags is not None:
                    mismatch = self._flags.flag(context, hold_id, OrderFlag.AMOUNT_MISMATCH)
                    self._background.start(mismatch)
                raise
            if attempt.outcome.verdict is not Verdict.VOIDED:
                self._examine(context, attempt, time.monotonic() - started)
                return await self._answer(context, attempt.outcome)
            # Recovery has voided this order meanwhile: free the hold, then begin anew.
            await free_voided_hold(context.inventory, hold_id, attempt.version)
        raise HoldfastError(ErrorCode.CONFLICT, "The hold keeps changing; repeat the request.")

    def _examine(self, context: SaleContext, attempt: _Attempt, seconds: float) -> None:
        outcome = attempt.outcome
        if self._flags is None or outcome.order is None or outcome.verdict is not Verdict.DONE:
            return
        settled = SettledConfirm(outcome.order, attempt.late, attempt.with_pass, seconds)
        self._background.start(self._flags.examine(context, settled))

    async def _answer(self, context: SaleContext, outcome: Outcome) -> Confirmed:
        order = outcome.order
        if outcome.verdict is Verdict.EPOCH_PASSED or order is None:
            raise EpochPassed()
        await self._background.run(sync_order(context, order))
        if outcome.verdict is Verdict.DIFFERS:
            raise HoldfastError(ErrorCode.ORDER_MISMATCH)
        if order.status is OrderStatus.LOST:
            raise refund_required(order)
        return Confirmed(order, outcome.verdict is Verdict.REPEATED)


def refund_required(order: Order) -> HoldfastError:
    """410 for a payment that nothing can be had for."""
    code = _GONE.get(order.reason or "", ErrorCode.HOLD_LOST)
    return HoldfastError(code, refund_required=True, reason=order.reason, order_id=order.id)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The ledger's outcome, and the version of the hold that it was decided for."""

    outcome: Outcome
    version: int = 0
    late: bool = False
    with_pass: bool = False


async def _attempt(context: SaleContext, hold_id: str, call: ConfirmCall) -> _Attempt:
    """Begins in the store and decides in the ledger, both in the present epoch."""
    inventory, request = context.inventory, call.request
    epoch = inventory.ref.epoch
    reading = await inventory.calls.read_hold(inventory.ref, hold_id)
    if reading.hold is None:
        return _Attempt(await _attempt_unknown(context, hold_id, call, reading.now_ms, epoch))
    require_buyer(reading.hold.buyer, request.buyer)
    if not _never_held(reading.hold):
        _check_amount(inventory, reading.hold.total, request)
    begun = await _begin(inventory, hold_id)
    if begun.hold is None:
        return _Attempt(await _attempt_unknown(context, hold_id, call, begun.now_ms, epoch))
    order = _paid(order_of_hold(inventory, begun.hold, begun.now_ms), call)
    with_pass = bool(begun.hold.pass_id)
    if begun.code in _BEGUN:
        late = begun.code is Code.HOLD_REACQUIRED
        outcome = await context.ledger.commit(Sell(epoch, order))
        return _Attempt(outcome, order.hold_version, late, with_pass)
    late = begun.code is not Code.HOLD_RELEASED
    reason = HOLD_EXPIRED if late else HOLD_RELEASED
    lost = await context.ledger.commit(MarkLost(epoch, replace(order, reason=reason)))
    return _Attempt(lost, late=late, with_pass=with_pass)


async def _attempt_unknown(
    context: SaleContext, hold_id: str, call: ConfirmCall, now_ms: int, epoch: int
) -> Outcome:
    """Decides about a hold that the store does not know, by its order in the ledger if any."""
    inventory, request = context.inventory, call.request
    known = await context.ledger.orders.read(inventory.ref.uid, hold_id)
    if known is None and not await may_be_lost(context, epoch):
        raise HoldfastError(ErrorCode.UNKNOWN_HOLD)
    if known is None:
        lost = replace(_unknown_order(inventory, hold_id, request, now_ms), reason=HOLD_LOST)
        return await context.ledger.commit(MarkLost(epoch, _paid(lost, call)))
    require_buyer(known.buyer, request.buyer)
    if known.status is OrderStatus.PENDING:
        _check_amount(inventory, known.total, request)
    order = _paid(replace(known, updated_ms=now_ms), call)
    if known.status is OrderStatus.VOID:
        return await context.ledger.commit(MarkLost(epoch, replace(order, reason=HOLD_EXPIRED)))
    return await context.ledger.commit(Sell(epoch, order))


async def _begin(inventory: SaleInventory, hold_id: str) -> HoldAnswer:
    """Calls `begin_confirm`, then acquires equivalent seats if the policy says so."""
    policy, limit = inventory.settings.late_payment, inventory.settings.max_units_per_buyer
    reacquire = policy is not LatePayment.REFUND
    begun = await _swept(
        inventory,
        lambda: inventory.calls.begin_confirm(
            inventory.ref, hold_id, reacquire=reacquire, limit=limit
        ),
    )
    hold = begun.hold
    late = begun.code is Code.HOLD_EXPIRED and hold is not None
    if hold is None or not late or policy is not LatePayment.REACQUIRE_EQUIVALENT:
        return begun
    choices, seed = equivalent_choices(inventory, hold), begun.now_ms % SEEDS
    return await _swept(
        inventory,
        lambda: inventory.calls.reacquire_hold(
            inventory.ref, hold_id, choices, limit=limit, seed=seed
        ),
    )


async def _swept(inventory: SaleInventory, call: Callable[[], Awaitable[HoldAnswer]]) -> HoldAnswer:
    """Repeats a call, ending overdue holds in between, until its answer is final."""
    answer = await call()
    for _ in range(SWEEPS_MAX):
        if answer.code is not Code.SWEEP_AGAIN:
            return answer
        await inventory.calls.expire_holds(inventory.ref)
        answer = await call()
    return answer


def equivalent_choices(inventory: SaleInventory, hold: HoldRecord) -> list[SeatChoice]:
    """As many seats of each class as the hold had."""
    compiler = ChoiceCompiler(inventory.plan, inventory.settings)
    kinds = [inventory.plan.kind(seat) for seat in hold.seats]
    # A buyer who held seats of an allotment has its channel. Choices must not share a class.
    channels = frozenset(kind.channel for kind in kinds)
    counts = Counter((kind.category, kind.accessible) for kind in kinds)
    return [
        compiler.choice(
            quantity, frozenset({category}), frozenset(), accessible, False, channels=channels
        )
        for (category, accessible), quantity in sorted(counts.items())
    ]


def _check_amount(inventory: SaleInventory, total: int, request: ConfirmRequest) -> None:
    if not inventory.settings.verify_amount:
        return
    if request.amount is None:
        raise invalid("amount", "amount is required: this sale verifies it.")
    if request.amount != total:
        raise HoldfastError(
            ErrorCode.AMOUNT_MISMATCH, total=total, currency=inventory.settings.currency
        )


def _never_held(hold: HoldRecord) -> bool:
    """Whether the hold was cancelled under an id that the store did not know, maybe after a loss.

    Its total is unknown then: a payment for it must be refunded, not refused as a wrong amount.
    """
    return hold.status is HoldStatus.RELEASED and not hold.units and not hold.digest


def _paid(order: Order, call: ConfirmCall) -> Order:
    request = call.request
    paid = replace(
        order,
        order_ref=request.order_ref,
        payment_ref=request.payment_ref,
        amount=request.amount,
    )
    return acted(paid, call.actor)


def _unknown_order(
    inventory: SaleInventory, hold_id: str, request: ConfirmRequest, now_ms: int
) -> Order:
    """An order for a hold that the store has lost, of which only the payment is known."""
    return Order(
        sale_uid=inventory.ref.uid,
        id=hold_id,
        status=OrderStatus.LOST,
        buyer="",
        hold_version=0,
        total=request.amount or 0,
        currency=inventory.settings.currency,
        items=(),
        next_to_each_other=False,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
