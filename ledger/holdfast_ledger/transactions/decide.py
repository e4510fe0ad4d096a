"""The rules of an order's life, without SQL: from an intent and the locked row to a step.

    none --MarkPending-> PENDING --Sell--> SOLD --GiveBack--> PARTLY_REFUNDED -> REFUNDED
     |                    |  ^              ^
     +--Sell--------------+--|--------------+       (a confirm needs no PENDING before it)
     |                    |  | newer hold   |
     +--MarkVoid--------> VOID -------------+
     +--MarkLost--------> LOST --GiveBack--> REFUNDED (no seats: the payment went back)

The fence is `hold_version`. It grows with every change of the hold in the store. A void notes the
version that it saw; a confirm that began at that version or before is refused (VOIDED), one that
re-acquired the seats afterwards has a greater version and may sell. So recovery may free a hold as
soon as its void is committed: no late transaction can sell what was freed.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from holdfast_ledger.records import AuditEntry, Order, OrderStatus, Refund
from holdfast_ledger.transactions.intents import (
    GiveBack,
    Intent,
    MarkLost,
    MarkPending,
    MarkVoid,
    Outcome,
    RecoveryLease,
    Sell,
    StoreSynced,
    Verdict,
)
from holdfast_ledger.transactions.refunding import Returned, give_back

SYNC_STORE_WITHIN_MS = 5_000

_OPEN = (OrderStatus.PENDING, OrderStatus.VOID)
_OWNING = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED)


class Step(msgspec.Struct, frozen=True, gc=False):
    """What one intent leads to: a row to write, units to take and to free, the outcome, and the
    audit entry of who asked for it.
    """

    outcome: Outcome
    write: Order | None = None
    is_new: bool = False
    take_seats: tuple[int, ...] = ()
    take_areas: dict[str, int] = {}
    free_seats: tuple[int, ...] = ()
    free_areas: dict[str, int] = {}
    entry: AuditEntry | None = None


def decide(intent: Intent, row: Order | None, epoch: int | None) -> Step:
    """The step for an intent, given its order under lock and the sale's epoch (None: no sale)."""
    if intent.epoch != epoch:
        return _only(Verdict.EPOCH_PASSED, row)
    match intent:
        case MarkPending():
            step = _mark_pending(intent, row)
        case Sell():
            step = _sell(intent, row)
        case MarkLost():
            step = _mark_lost(intent, row)
        case MarkVoid():
            step = _mark_void(intent, row)
        case GiveBack():
            step = _give_back(intent, row)
        case StoreSynced():
            step = _note_synced(intent, row)
        case RecoveryLease():
            step = _lease(intent, row)
    return step


def taken(step: Step, seats: tuple[int, ...], areas: tuple[str, ...]) -> Step:
    """The step of a confirm whose seats or units another order owns."""
    assert step.write is not None
    lost = replace(
        step.write,
        status=OrderStatus.LOST,
        reason="ledger_conflict",
        confirmed_ms=None,
        due_ms=step.write.updated_ms + SYNC_STORE_WITHIN_MS,
    )
    return Step(Outcome(Verdict.TAKEN, lost, seats, areas), write=lost, is_new=step.is_new)


def _mark_pending(intent: MarkPending, row: Order | None) -> Step:
    wanted = intent.order
    if row is not None:
        if row.status not in _OPEN:
            return _only(Verdict.SETTLED, row)
        if row.hold_version >= wanted.hold_version:
            is_void = row.status is OrderStatus.VOID
            return _only(Verdict.VOIDED if is_void else Verdict.REPEATED, row)
    return _write(wanted, row, status=OrderStatus.PENDING)


def _sell(intent: Sell, row: Order | None) -> Step:
    if row is not None and row.status not in _OPEN:
        return _only(_repeat_or_differ(intent.order, row), row)
    if _fenced(intent.order, row):
        return _only(Verdict.VOIDED, row)
    order = _succeeding(
        intent.order,
        row,
        status=OrderStatus.SOLD,
        confirmed_ms=intent.order.updated_ms,
        due_ms=None,
        reason=None,
    )
    return Step(
        Outcome(Verdict.DONE, order),
        write=order,
        is_new=row is None,
        take_seats=order.seats,
        take_areas=order.areas,
    )


def _mark_lost(intent: MarkLost, row: Order | None) -> Step:
    if row is not None and row.status not in _OPEN:
        return _only(_repeat_or_differ(intent.order, row), row)
    due_ms = intent.order.updated_ms + SYNC_STORE_WITHIN_MS
    return _write(intent.order, row, status=OrderStatus.LOST, due_ms=due_ms)


def _mark_void(intent: MarkVoid, row: Order | None) -> Step:
    wanted = intent.order
    if row is not None:
        if row.status not in _OPEN:
            return _only(Verdict.SETTLED, row)
        if row.hold_version > wanted.hold_version:
            return _only(Verdict.OUTDATED, row)
        if row.status is OrderStatus.VOID and row.hold_version == wanted.hold_version:
            return _only(Verdict.REPEATED, row)
    return _write(wanted, row, status=OrderStatus.VOID, due_ms=None)


def _give_back(intent: GiveBack, row: Order | None) -> Step:
    if row is None:
        return _only(Verdict.UNKNOWN, None)
    known_key = intent.key is not None and any(r.key == intent.key for r in row.refunds)
    if known_key or row.status is OrderStatus.REFUNDED:
        return _only(Verdict.REPEATED, row)
    if row.status is OrderStatus.LOST:
        step = _write(_paid_back(row, intent), row)
    elif row.status in _OWNING:
        step = _give_units_back(intent, row)
    else:
        step = _only(Verdict.SETTLED, row)
    return replace(step, entry=_refund_entry(intent, row, step.write))


def _refund_entry(intent: GiveBack, row: Order, order: Order | None) -> AuditEntry | None:
    """The entry of a refund; None of one that changes nothing, or that nobody asked for."""
    if order is None or intent.actor is None:
        return None
    before, after = (
        {"status": each.status.value, "units": each.units, "refunded_amount": each.refunded_amount}
        for each in (row, order)
    )
    detail = {"order": order.id}
    return intent.actor.entry("order.refund", detail=detail, before=before, after=after)


def _give_units_back(intent: GiveBack, row: Order) -> Step:
    returned = give_back(row.items, intent.wanted)
    if returned is None:
        return _only(Verdict.NOT_OWNED, row)
    if returned.units == 0:
        return _only(Verdict.REPEATED, row)
    return _returned(row, intent, returned)


def _returned(row: Order, intent: GiveBack, returned: Returned) -> Step:
    whole = not any(item.owned for item in returned.items)
    refund = Refund(intent.at_ms, returned.amount, returned.units, intent.key)
    order = replace(
        row,
        status=OrderStatus.REFUNDED if whole else OrderStatus.PARTLY_REFUNDED,
        items=returned.items,
        refunds=(*row.refunds, refund),
        updated_ms=_later(row, intent.at_ms),
        due_ms=intent.at_ms + SYNC_STORE_WITHIN_MS,
    )
    return Step(
        Outcome(Verdict.DONE, order),
        write=order,
        free_seats=returned.seats,
        free_areas=returned.areas,
    )


def _paid_back(row: Order, intent: GiveBack) -> Order:
    """The refund of a lost order: it owned nothing, so only its payment goes back."""
    refund = Refund(intent.at_ms, row.amount or 0, 0, intent.key)
    return replace(
        row,
        status=OrderStatus.REFUNDED,
        refunds=(refund,),
        updated_ms=_later(row, intent.at_ms),
        due_ms=intent.at_ms + SYNC_STORE_WITHIN_MS,
    )


def _note_synced(intent: StoreSynced, row: Order | None) -> Step:
    if row is None:
        return _only(Verdict.UNKNOWN, None)
    if row.updated_ms != intent.updated_ms or row.status is OrderStatus.PENDING:
        return _only(Verdict.OUTDATED, row)
    if row.due_ms is None:
        return _only(Verdict.REPEATED, row)
    return Step(Outcome(Verdict.DONE, done := replace(row, due_ms=None)), write=done)


def _lease(intent: RecoveryLease, row: Order | None) -> Step:
    if row is None:
        return _only(Verdict.UNKNOWN, None)
    if row.due_ms != intent.due_ms:
        return _only(Verdict.OUTDATED, row)
    leased = replace(row, due_ms=intent.until_ms)
    return Step(Outcome(Verdict.DONE, leased), write=leased)


def _repeat_or_differ(wanted: Order, row: Order) -> Verdict:
    """REPEATED for the same payment of a settled order, DIFFERS for another one."""
    return Verdict.REPEATED if _body(wanted) == _body(row) else Verdict.DIFFERS


def _body(order: Order) -> tuple[str | None, str | None, int | None]:
    return order.order_ref, order.payment_ref, order.amount


def _fenced(wanted: Order, row: Order | None) -> bool:
    return (
        row is not None
        and row.status is OrderStatus.VOID
        and row.hold_version >= wanted.hold_version
    )


def _write(wanted: Order, row: Order | None, **changes: Any) -> Step:
    order = _succeeding(wanted, row, **changes)
    return Step(Outcome(Verdict.DONE, order), write=order, is_new=row is None)


def _succeeding(wanted: Order, row: Order | None, **changes: Any) -> Order:
    """The wanted order with `changes`, in place of the present one: with its creation time, and
    changed later.
    """
    if row is not None:
        changes["created_ms"] = row.created_ms
        changes["updated_ms"] = _later(row, wanted.updated_ms)
    return replace(wanted, **changes)


def _later(row: Order, at_ms: int) -> int:
    """The time of the next change: two changes never share an `updated_ms`."""
    return max(at_ms, row.updated_ms + 1)


def _only(verdict: Verdict, row: Order | None) -> Step:
    return Step(Outcome(verdict, row))
