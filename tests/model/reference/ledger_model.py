"""The ledger of one sale as it ought to be: orders, who owns what, and the epoch. No SQL, no I/O.

Written from the rules and not from the code: an order is settled once; a seat has one owner; a void
refuses every confirm that began at its version or before; an intent of an epoch that is over does
nothing. `check` holds each step of the real protocol against what the rules allow at that moment,
so that a step taken out of turn is found even when it happens to do no harm this time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from model.reference.store_model import StoreModel
from model.reference.terms import (
    AREAS,
    CONFIRMED,
    NO_UNITS,
    ROOM,
    Areas,
    Hold,
    ScriptRequest,
    Violation,
    fits,
    minus,
    plus,
)

from holdfast_ledger import (
    GiveBack,
    MarkLost,
    MarkPending,
    MarkVoid,
    Order,
    OrderStatus,
    Outcome,
    Sell,
    Verdict,
)
from holdfast_ledger.transactions.intents import Intent, RecoveryLease, StoreSynced, order_key

OPEN = (OrderStatus.PENDING, OrderStatus.VOID)
OWNING = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED)
Body = tuple[str | None, str | None, int | None]


@dataclass(slots=True)
class Row:
    """An order."""

    status: OrderStatus
    version: int
    seats: frozenset[int] = frozenset()
    areas: Areas = NO_UNITS
    body: Body = (None, None, None)

    @property
    def owns(self) -> bool:
        return self.status in OWNING


@dataclass
class LedgerModel:
    """Orders by id. `had_loss` tells that the store has lost or forgotten something in this run."""

    epoch: int = 1
    rows: dict[str, Row] = field(default_factory=dict)
    begun: set[tuple[str, int]] = field(default_factory=set)
    """holds that were confirming, with the version that they had then"""
    had_loss: bool = False
    sold_once: set[str] = field(default_factory=set)
    """orders that were sold at some time, whatever has become of them"""
    released_in: int | None = None
    """the epoch in which the ledger was told that the allotment is on sale for everybody"""

    def owners(self) -> dict[int, str]:
        """Who owns which seat; no seat twice."""
        found: dict[int, str] = {}
        for order_id, row in self.rows.items():
            for seat in row.seats if row.owns else ():
                if seat in found:
                    raise Violation("double", f"seat {seat}: {found[seat]} and {order_id}")
                found[seat] = order_id
        return found

    def areas_sold(self) -> Areas:
        return plus(*(row.areas for row in self.rows.values() if row.owns))

    def decide(self, intent: Intent, outcome: Outcome) -> None:
        """Do what the intent asks, and require that the ledger has done the same."""
        order_id = order_key(intent)[1]
        row = self.rows.get(order_id)
        if intent.epoch != self.epoch:
            self._same(intent, Verdict.EPOCH_PASSED, outcome)
        elif isinstance(intent, MarkPending | Sell | MarkLost | MarkVoid):
            self._same(intent, self._about_hold(intent, row), outcome)
        elif isinstance(intent, GiveBack):
            self._give_back(intent, row, outcome)
        elif outcome.verdict is Verdict.DONE and isinstance(intent, StoreSynced | RecoveryLease):
            pass  # these say when recovery comes, never what becomes of the order
        self._settled(order_id, outcome)

    def _about_hold(
        self, intent: MarkPending | Sell | MarkLost | MarkVoid, row: Row | None
    ) -> Verdict:
        wanted = _row(intent.order)
        match intent:
            case MarkPending():
                return self._mark_pending(intent.order.id, wanted, row)
            case MarkVoid():
                return self._void(intent.order.id, wanted, row)
        if row is not None and row.status not in OPEN:
            return Verdict.REPEATED if row.body == wanted.body else Verdict.DIFFERS
        if isinstance(intent, MarkLost):
            self.rows[intent.order.id] = _lost(wanted)
            return Verdict.DONE
        return self._sell(intent.order.id, wanted, row)

    def _mark_pending(self, order_id: str, wanted: Row, row: Row | None) -> Verdict:
        if row is not None and row.status not in OPEN:
            return Verdict.SETTLED
        if row is not None and row.version >= wanted.version:
            return Verdict.VOIDED if row.status is OrderStatus.VOID else Verdict.REPEATED
        wanted.status = OrderStatus.PENDING
        self.rows[order_id] = wanted
        return Verdict.DONE

    def _sell(self, order_id: str, wanted: Row, row: Row | None) -> Verdict:
        if row is not None and row.status is OrderStatus.VOID and row.version >= wanted.version:
            return Verdict.VOIDED
        known = row is not None and row.status is OrderStatus.PENDING
        if (order_id, wanted.version) not in self.begun and not (known and self.had_loss):
            raise Violation(
                "protocol", f"{order_id} is sold in version {wanted.version}, not begun"
            )
        owners = self.owners()
        room = fits(wanted.areas, minus(ROOM, self.areas_sold()))
        if any(seat in owners for seat in wanted.seats) or not room:
            if not self.had_loss:
                raise Violation("lost", f"{order_id} was confirming and its seats were sold away")
            self.rows[order_id] = _lost(wanted)
            return Verdict.TAKEN
        wanted.status = OrderStatus.SOLD
        self.rows[order_id] = wanted
        self.sold_once.add(order_id)
        return Verdict.DONE

    def _void(self, order_id: str, wanted: Row, row: Row | None) -> Verdict:
        if row is not None and row.status not in OPEN:
            return Verdict.SETTLED
        if row is not None and row.version > wanted.version:
            return Verdict.OUTDATED
        if row is not None and (row.status, row.version) == (OrderStatus.VOID, wanted.version):
            return Verdict.REPEATED
        wanted.status = OrderStatus.VOID
        self.rows[order_id] = wanted
        return Verdict.DONE

    def _give_back(self, intent: GiveBack, row: Row | None, outcome: Outcome) -> None:
        """Which units a part is comes from the ledger; they must have been the order's."""
        if row is None or row.status in OPEN:
            self._same(intent, Verdict.UNKNOWN if row is None else Verdict.SETTLED, outcome)
            return
        if outcome.verdict is not Verdict.DONE:
            return
        assert outcome.order is not None
        after = _row(outcome.order)
        if row.owns and (not after.seats <= row.seats or not fits(after.areas, row.areas)):
            raise Violation("double", f"a refund gave {outcome.order.id} more than it had")
        if not row.owns and after.owns:
            raise Violation("double", f"{outcome.order.id} was lost, its refund made it sold")
        after.body = row.body
        self.rows[outcome.order.id] = after

    def _same(self, intent: Intent, verdict: Verdict, outcome: Outcome) -> None:
        if outcome.verdict is not verdict:
            raise Violation(
                "ledger", f"{type(intent).__name__}: {outcome.verdict}, should be {verdict}"
            )

    def _settled(self, order_id: str, outcome: Outcome) -> None:
        row = self.rows.get(order_id)
        if (row is None) is not (outcome.order is None):
            raise Violation("ledger", f"order {order_id}: {outcome.order}, should be {row}")
        if row is not None and outcome.order is not None:
            self.compare(order_id, outcome.order)
        self.owners()
        if not fits(self.areas_sold(), ROOM):
            raise Violation("double", f"{self.areas_sold()} units of {ROOM} are sold")

    def compare(self, order_id: str, real: Order) -> None:
        """Raises when the real order is not the one in the model."""
        row, found = self.rows.get(order_id), _row(real)
        if row is None or row.status is not found.status:
            raise Violation("ledger", f"order {order_id}: {found}, should be {row}")
        if row.owns and (row.seats, row.areas) != (found.seats, found.areas):
            raise Violation("ledger", f"order {order_id}: {found}, should be {row}")

    # What the protocol may do to the store, given what the ledger says

    def check(
        self, name: str, request: ScriptRequest, before: Hold | None, store: StoreModel
    ) -> None:
        """A script has answered OK: was it its turn?"""
        row = self.rows.get(request.hold_id)
        after = store.holds.get(request.hold_id)
        if after is not None and after.status.name == "CONFIRMING":
            self.begun.add((after.id, after.version))
        if name in ("finish_confirm", "book_hold") and not (
            row is not None and row.status in (*OWNING, OrderStatus.REFUNDED)
        ):
            raise Violation("protocol", f"{request.hold_id} is booked and not sold: {row}")
        if name == "abort_confirm" and before is not None and not self._given_up(row, before):
            raise Violation("protocol", f"{request.hold_id} is freed, the ledger has {row}")
        if name == "free_seats" and row is not None and row.owns and request.seats & row.seats:
            raise Violation("protocol", f"{request.hold_id} still owns {sorted(row.seats)}")
        if name == "release_allotment" and self.released_in is None:
            raise Violation("protocol", f"{request.text} is released, and nobody has said so")
        if name == "drop_hold" and not self.had_loss:
            raise Violation("lost", f"{request.hold_id} is ended for another, and nothing was lost")

    def _given_up(self, row: Row | None, hold: Hold) -> bool:
        if row is None or row.status in (OrderStatus.PENDING, *OWNING):
            return False
        return row.status is not OrderStatus.VOID or row.version >= hold.version

    def released(self, epoch: int) -> None:
        """Who does not know of it refuses a little longer; it is never taken back."""
        if self.released_in is None:
            self.released_in = epoch

    def check_allotted(self, epoch: int, allotted: bool) -> None:
        """What an installation sets aside. It reads the ledger after the epoch has begun there."""
        if not allotted and self.released_in is None:
            raise Violation("rebuild", "what is set aside is on sale, and nobody has said so")
        if allotted and self.released_in is not None and self.released_in < epoch:
            raise Violation("rebuild", f"released in epoch {self.released_in}, set aside again")

    def check_rebuilt(self, holds: Iterable[Hold]) -> None:
        """What a rebuild has written: all that is sold; of what is pending, whatever fits."""
        sold = {h.id: h for h in holds if h.status is CONFIRMED}
        owning = {i: r for i, r in self.rows.items() if r.owns}
        if {i: (h.seats, h.areas) for i, h in sold.items()} != {
            i: (r.seats, r.areas) for i, r in owning.items()
        }:
            raise Violation("rebuild", f"booked {sorted(sold)}, sold {sorted(owning)}")
        kept = {h.id: h for h in holds}
        for order_id, row in self.rows.items():
            if row.status is not OrderStatus.PENDING or order_id in kept:
                continue
            others = frozenset(seat for hold in kept.values() for seat in hold.seats)
            room = minus(ROOM, plus(*(hold.areas for hold in kept.values())))
            if not row.seats & others and fits(row.areas, room):
                raise Violation("rebuild", f"the pending order {order_id} was forgotten")
        for hold_id in kept:
            if self.rows[hold_id].status not in (*OWNING, OrderStatus.PENDING):
                raise Violation("rebuild", f"{hold_id} is held and {self.rows[hold_id]}")


def _row(order: Order) -> Row:
    return Row(
        order.status,
        order.hold_version,
        frozenset(order.seats),
        tuple(order.areas.get(area, 0) for area in AREAS),
        (order.order_ref, order.payment_ref, order.amount),
    )


def _lost(row: Row) -> Row:
    return Row(OrderStatus.LOST, row.version, body=row.body)
