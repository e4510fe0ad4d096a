"""Recovery: finishes or undoes what a crash has left incomplete; every worker may repeat it.

Each visit of a sale processes a bounded part of three lists:

- the seat blocks that the store is not up to date with;
- the ledger's orders that are due: PENDING ones whose hold has ended are voided; LOST and refunded
  ones are synchronised to the store;
- the store's holds: one that is confirming is compared with the ledger. If its order is settled,
  the store is synchronised. If there is none, the confirm was abandoned: once the hold has not
  changed for PATIENCE_MS the order is voided, and only when that is committed is the hold freed.

Races with a confirm still on its way are decided by the ledger, by the version of the hold.

How long a hold has been confirming is kept in memory: a worker that restarts counts anew, which can
only delay the recovery.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.flags import FlagService
from holdfast_inventory.orders.orders import order_of_hold
from holdfast_inventory.orders.store_sync import sync_order
from holdfast_ledger import Ledger, MarkVoid, Order, OrderFlag, OrderStatus, RecoveryLease, Verdict
from holdfast_lua.calls.records import HoldRecord, HoldStatus

PATIENCE_MS: Final = 120_000
"""how long a hold may be confirming without an order before that is voided"""
LEASE_MS: Final = 30_000
DUE_MAX: Final = 100
PAGES_MAX: Final = 4
WATCHED_MAX: Final = 10_000

_SETTLED = (
    OrderStatus.SOLD,
    OrderStatus.PARTLY_REFUNDED,
    OrderStatus.REFUNDED,
    OrderStatus.LOST,
)


@dataclass(slots=True)
class _Watch:
    """The scan of one sale; `seen` has the confirming holds: id -> (version, since ms)."""

    cursor: int = 0
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    differing_seats: frozenset[int] = frozenset()
    """seats that were blocked in store or ledger alone at the last visit"""


class Recovery:
    """Visits sales; one per process."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        patience_ms: int = PATIENCE_MS,
        flags: FlagService | None = None,
    ) -> None:
        self._ledger = ledger
        self._flags = flags
        self._patience_ms = patience_ms
        self._watches: dict[str, _Watch] = {}

    async def visit(self, inventory: SaleInventory) -> int:
        """Visits a sale once, bounded; returns how many orders it settled or synchronised."""
        context = SaleContext(inventory, self._ledger)
        await self._visit_blocks(context)
        return await self._visit_due(context) + await self._visit_holds(context)

    def forget(self, sale_uid: str) -> None:
        """Forgets a sale that this process no longer serves."""
        self._watches.pop(sale_uid, None)

    async def _visit_blocks(self, context: SaleContext) -> None:
        """Synchronises seat blocks; those that differ at two visits in a row anew."""
        uid = context.inventory.ref.uid
        watch = self._watches.setdefault(uid, _Watch())
        differing_seats = await blocking.differing_seats(context)
        if differing_seats & watch.differing_seats:
            await context.ledger.seat_blocks.mark_unsynced(
                uid, sorted(differing_seats & watch.differing_seats)
            )
        watch.differing_seats = differing_seats
        await blocking.sync_blocks(context)

    async def _visit_due(self, context: SaleContext) -> int:
        now_ms = (await context.inventory.calls.read_hold(context.inventory.ref, "")).now_ms
        due = await self._ledger.orders.due(context.inventory.ref.uid, now_ms=now_ms, limit=DUE_MAX)
        return sum([await self._visit_order(context, order, now_ms) for order in due])

    async def _visit_order(self, context: SaleContext, order: Order, now_ms: int) -> bool:
        """Leases the order first: two workers must not free the same refunded units twice."""
        assert order.due_ms is not None
        epoch, until_ms = context.inventory.ref.epoch, now_ms + LEASE_MS
        lease = RecoveryLease(epoch, order.sale_uid, order.id, order.due_ms, until_ms)
        outcome = await self._ledger.commit(lease)
        if outcome.verdict is not Verdict.DONE or outcome.order is None:
            return False
        if order.status is OrderStatus.PENDING:
            return await self._visit_pending(context, outcome.order)
        await sync_order(context, outcome.order)
        return True

    async def _visit_pending(self, context: SaleContext, order: Order) -> bool:
        """Voids a pending order whose hold has ended; `_visit_holds` sees to a confirming one."""
        inventory = context.inventory
        answer = await inventory.calls.read_hold(inventory.ref, order.id)
        hold = answer.hold
        if hold is not None and hold.status is HoldStatus.CONFIRMING:
            return False
        if hold is not None and hold.status_at(answer.now_ms) is HoldStatus.PAYING:
            return False
        version = order.hold_version if hold is None else hold.version
        void = replace(order, hold_version=max(version, order.hold_version))
        outcome = await self._ledger.commit(
            MarkVoid(inventory.ref.epoch, replace(void, updated_ms=answer.now_ms))
        )
        return outcome.verdict is Verdict.DONE

    async def _visit_holds(self, context: SaleContext) -> int:
        inventory = context.inventory
        watch = self._watches.setdefault(inventory.ref.uid, _Watch())
        settled = 0
        for _ in range(PAGES_MAX):
            watch.cursor, holds = await inventory.calls.scan_holds(inventory.ref, watch.cursor)
            settled += await self._visit_confirming(context, watch, holds)
            if watch.cursor == 0:
                _forget_others(watch)
                break
        return settled

    async def _visit_confirming(
        self, context: SaleContext, watch: _Watch, holds: Iterable[HoldRecord]
    ) -> int:
        settled = 0
        for hold in holds:
            if hold.status is not HoldStatus.CONFIRMING or len(watch.found) >= WATCHED_MAX:
                continue
            watch.found.add(hold.id)
            settled += await self._visit_hold(context, watch, hold)
        return settled

    async def _visit_hold(self, context: SaleContext, watch: _Watch, hold: HoldRecord) -> bool:
        inventory = context.inventory
        order = await self._ledger.orders.read(inventory.ref.uid, hold.id)
        if order is not None and order.status in _SETTLED:
            await sync_order(context, order)
            return True
        now_ms = (await inventory.calls.read_hold(inventory.ref, hold.id)).now_ms
        version, since_ms = watch.seen.setdefault(hold.id, (hold.version, now_ms))
        if version != hold.version:
            watch.seen[hold.id] = (hold.version, now_ms)
            return False
        if now_ms - since_ms < self._patience_ms:
            return False
        return await self._void_abandoned(context, hold, now_ms)

    async def _void_abandoned(self, context: SaleContext, hold: HoldRecord, now_ms: int) -> bool:
        """Voids the order in the ledger, then synchronises the store with the outcome."""
        void = order_of_hold(context.inventory, hold, now_ms)
        outcome = await self._ledger.commit(MarkVoid(context.inventory.ref.epoch, void))
        if outcome.verdict is Verdict.DONE and self._flags is not None:
            await self._flags.flag(context, hold.id, OrderFlag.PAID_UNCONFIRMED, hold.buyer)
        if outcome.verdict in (Verdict.DONE, Verdict.REPEATED, Verdict.SETTLED):
            assert outcome.order is not None
            await sync_order(context, outcome.order)
            return True
        return False


def _forget_others(watch: _Watch) -> None:
    """Ends a scan: holds that were not found confirming are no longer watched."""
    watch.seen = {hold_id: seen for hold_id, seen in watch.seen.items() if hold_id in watch.found}
    watch.found = set()
