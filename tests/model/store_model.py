"""The store of one sale as it ought to be, in plain Python: no I/O, no bytes, no clock of its own.

Each script of the stock is one method that says what must be answered and changes the model. Where
the protocol leaves a choice (which seats are best) the model takes what was chosen and checks that
it was allowed. What it keeps, and what is therefore compared after every step:

- holds with their state, version, owner, units and deadline, and which seats are blocked; the state
  of every seat follows from them, so that no seat can be in two holds and none can be lost;
- the deadlines that wait for a sweep, since what a sweep ends must not depend on when it comes;
- the revision, which grows by one with each change and never otherwise;
- the events, one for each change of a hold, in order and without a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from holdfast_lua.codes import Code
from holdfast_lua.stock_records import HoldRecord, HoldStatus

SEATS = 8
SEATS_A_ROW = 4
FLOOR = 3
CAPACITY = SEATS + FLOOR
KEPT_MS = 24 * 3_600_000
ACTIVE, PAYING, CONFIRMING, CONFIRMED, RELEASED, EXPIRED = HoldStatus


class Violation(AssertionError):
    """The real code did what the model does not allow."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


@dataclass(slots=True)
class Hold:
    """What the model knows of a hold."""

    id: str
    status: HoldStatus
    version: int
    buyer: str
    seats: frozenset[int]
    floor: int
    expires_ms: int
    latest_ms: int
    digest: str = ""
    in_ledger: bool = False
    reason: str = ""

    @property
    def units(self) -> int:
        return len(self.seats) + self.floor

    def overdue(self, now_ms: int) -> bool:
        return self.status.timed and self.expires_ms <= now_ms


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of a hold's script: what matters of its arguments."""

    hold_id: str
    owner: str = ""
    version: int = 0
    number: int = 0
    """limit, extension or whatever number the script takes"""
    flag: bool = False
    text: str = ""
    seats: frozenset[int] = frozenset()
    floor: int = 0
    quantity: int = 0
    hold_ms: int = 0
    hold_max_ms: int = 0


Given = HoldRecord | None


def taken_from(record: HoldRecord) -> Hold:
    """A hold of the real store in the model's terms."""
    return Hold(
        record.id,
        record.status,
        record.version,
        record.buyer,
        frozenset(record.seats),
        sum(units.quantity for units in record.areas),
        record.expires_ms,
        record.latest_ms,
        record.digest,
        record.ledger,
        record.reason,
    )


@dataclass
class StoreModel:
    """One sale in the store; `present` is whether it can be used at all."""

    present: bool = False
    epoch: int = 0
    fence: int = 0
    revision: int = 0
    clock_ms: int = 0
    now_ms: int = 0
    next_due_ms: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    blocked: frozenset[int] = frozenset()
    lifecycle: str = "live"
    resume_to: str = "live"
    events: list[tuple[str, str]] = field(default_factory=list)
    changed: bool = False

    def run(self, name: str, asked: Asked, given: Given, clock_ms: int) -> Code:
        """The code that the script must answer; `given` is the hold that it did answer."""
        self.now_ms = max(clock_ms, self.clock_ms)
        self.changed = False
        sold_out = self.sold_out
        script: Callable[[Asked, Given], Code] = getattr(self, name)
        code = script(asked, given)
        if self.changed:
            self._commit(sold_out)
        return code

    def _commit(self, was_sold_out: bool) -> None:
        if self.sold_out != was_sold_out:
            self.events.append(
                ("inventory.sold_out" if self.sold_out else "inventory.reopened", "")
            )
        self.revision += 1
        self.clock_ms = self.now_ms

    # What can be read off

    def states(self) -> str:
        """One character a seat."""
        letters = ["f"] * SEATS
        for hold in self.living():
            for seat in hold.seats:
                if letters[seat] != "f":
                    raise Violation("double", f"seat {seat} is in two holds")
                letters[seat] = "b" if hold.status is CONFIRMED else "h"
        for seat in self.blocked:
            if letters[seat] != "f":
                raise Violation("double", f"seat {seat} is blocked, and somebody has it")
            letters[seat] = "x"
        return "".join(letters)

    def living(self) -> list[Hold]:
        return [hold for hold in self.holds.values() if not hold.status.ended]

    def counts(self) -> tuple[int, int, int]:
        """Free, held, booked."""
        booked = sum(hold.units for hold in self.living() if hold.status is CONFIRMED)
        held = sum(hold.units for hold in self.living() if hold.status is not CONFIRMED)
        return CAPACITY - held - booked - len(self.blocked), held, booked

    @property
    def sold_out(self) -> bool:
        free, held, _ = self.counts()
        return free + held <= 0

    def units_of(self, buyer: str) -> int:
        return sum(hold.units for hold in self.living() if hold.buyer == buyer)

    def free_seats_now(self) -> set[int]:
        return {seat for seat, state in enumerate(self.states()) if state == "f"}

    def floor_free(self) -> int:
        return FLOOR - sum(hold.floor for hold in self.living())

    # Holding

    def hold_seats(self, asked: Asked, given: Given) -> Code:
        known = self.holds.get(asked.hold_id)
        if known is not None:
            if known.digest == asked.text:
                return Code.HOLD_REPEATED
            if known.digest:
                return Code.IDEMPOTENCY_MISMATCH
            # Cancelled before it came, or brought back by the ledger, which knows no digest.
            return Code.HOLD_RELEASED if known.status is RELEASED else Code.HOLD_REPEATED
        if self.lifecycle == "closed":
            return Code.HOLDS_CLOSED
        self._sweep(16)
        free = self.free_seats_now()
        why = Code.OK
        if not asked.seats <= free or asked.floor > self.floor_free():
            why = Code.SEAT_UNAVAILABLE
        elif self.units_of(asked.owner) + self._wanted(asked) > asked.number:
            why = Code.HOLD_LIMIT
        elif asked.quantity and given is None:
            self._require_none_together(free, asked.quantity)
            why = Code.NOT_ENOUGH_TOGETHER if free else Code.SOLD_OUT
        if why is not Code.OK:
            return Code.SOLD_OUT if self.sold_out else why
        self._take(asked, given, free)
        return Code.OK

    def _require_none_together(self, free: set[int], quantity: int) -> None:
        for row in range(0, SEATS, SEATS_A_ROW):
            for first in range(row, row + SEATS_A_ROW - quantity + 1):
                if free.issuperset(range(first, first + quantity)):
                    raise Violation("answer", f"{quantity} seats from {first} are free together")

    def _wanted(self, asked: Asked) -> int:
        return len(asked.seats) + asked.quantity + asked.floor

    def _take(self, asked: Asked, given: Given, free: set[int]) -> None:
        seats = asked.seats
        if asked.quantity:
            assert given is not None
            seats = frozenset(given.seats)
            if len(seats) != asked.quantity or not seats <= free:
                raise Violation("double", f"picked {sorted(seats)} of {sorted(free)}")
        expires_ms = self.now_ms + asked.hold_ms
        self.holds[asked.hold_id] = Hold(
            asked.hold_id,
            ACTIVE,
            1,
            asked.owner,
            seats,
            asked.floor,
            expires_ms,
            self.now_ms + asked.hold_max_ms,
            asked.text,
        )
        self._due_set(asked.hold_id, expires_ms)
        self._event("hold.created", asked.hold_id)

    def extend_hold(self, asked: Asked, given: Given) -> Code:
        hold, why = self._open(asked)
        if hold is None or why is not Code.OK:
            return why
        if hold.status is not ACTIVE:
            return Code.HOLD_STATE
        expires_ms = min(self.now_ms + asked.number, hold.latest_ms)
        if expires_ms <= hold.expires_ms:
            return Code.UNCHANGED
        hold.expires_ms = expires_ms
        self._due_set(hold.id, expires_ms)
        self._saved(hold, "hold.extended")
        return Code.OK

    def release_hold(self, asked: Asked, given: Given) -> Code:
        hold, why = self._open(asked)
        if hold is None or why is not Code.OK:
            return Code.UNCHANGED if why is Code.HOLD_RELEASED else why
        if hold.status is not ACTIVE and not (hold.status is PAYING and asked.owner == ""):
            return Code.HOLD_STATE
        self._end(hold, RELEASED, "hold.released", asked.text)
        return Code.OK

    def cancel_hold(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            self.holds[asked.hold_id] = Hold(
                asked.hold_id,
                RELEASED,
                1,
                asked.owner,
                frozenset(),
                0,
                self.now_ms,
                self.now_ms,
                reason="cancelled",
            )
            self._due_set(asked.hold_id, self.now_ms + KEPT_MS)
            return Code.OK
        if hold.buyer != asked.owner:
            return Code.NOT_OWNER
        if hold.status.ended:
            return Code.UNCHANGED
        if hold.status is not ACTIVE:
            return Code.HOLD_STATE
        self._end(hold, RELEASED, "hold.released", "cancelled")
        return Code.OK

    def expire_holds(self, asked: Asked, given: Given) -> Code:
        if not self._stock_overdue():
            return Code.UNCHANGED
        self._sweep(asked.number)
        return Code.OK

    # Selling

    def begin_paying(self, asked: Asked, given: Given) -> Code:
        hold, why = self._open(asked)
        known = self.holds.get(asked.hold_id)
        if known is not None and known.status is PAYING and not known.overdue(self.now_ms):
            return Code.UNCHANGED
        if hold is None or why is not Code.OK:
            return why
        if hold.status is not ACTIVE:
            return Code.HOLD_STATE
        hold.status, hold.in_ledger, hold.expires_ms = PAYING, True, hold.latest_ms
        self._due_set(hold.id, hold.expires_ms)
        self._saved(hold, "hold.extended")
        return Code.OK

    def begin_confirm(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            return Code.HOLD_UNKNOWN
        settled = {
            CONFIRMED: Code.HOLD_CONFIRMED,
            CONFIRMING: Code.UNCHANGED,
            RELEASED: Code.HOLD_RELEASED,
        }
        if hold.status in settled:
            return settled[hold.status]
        if hold.status.timed and not hold.overdue(self.now_ms):
            self._confirming(hold)
            return Code.OK
        if hold.overdue(self.now_ms):
            self._end(hold, EXPIRED, "hold.expired", "expired")
        if not asked.flag:
            return Code.HOLD_EXPIRED
        return self._reacquire(hold, asked.number, hold.seats)

    def reacquire_hold(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            return Code.HOLD_UNKNOWN
        if hold.status is not EXPIRED:
            settled = {
                CONFIRMED: Code.HOLD_CONFIRMED,
                CONFIRMING: Code.UNCHANGED,
                RELEASED: Code.HOLD_RELEASED,
            }
            return settled.get(hold.status, Code.HOLD_STATE)
        found = given is not None and given.status is CONFIRMING
        return self._reacquire(
            hold, asked.number, frozenset(given.seats) if found and given else None
        )

    def _reacquire(self, hold: Hold, limit: int, seats: frozenset[int] | None) -> Code:
        """`seats` None: the store found none; whether there were any is best available's affair."""
        if self.lifecycle == "closed":
            return Code.HOLDS_CLOSED
        self._sweep(16)
        if self.units_of(hold.buyer) + hold.units > limit:
            return Code.HOLD_LIMIT
        if seats is None or not seats <= self.free_seats_now() or hold.floor > self.floor_free():
            return Code.HOLD_EXPIRED
        if len(seats) != len(hold.seats):
            raise Violation("answer", f"reacquired {sorted(seats)} for {sorted(hold.seats)}")
        hold.seats = seats
        self._confirming(hold)
        self._event("hold.reacquired", hold.id)
        return Code.HOLD_REACQUIRED

    def finish_confirm(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            return Code.HOLD_UNKNOWN
        if hold.status is CONFIRMED:
            return Code.HOLD_CONFIRMED
        if hold.status is not CONFIRMING:
            return Code.HOLD_STATE
        self._booked(hold)
        return Code.OK

    def abort_confirm(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            return Code.HOLD_UNKNOWN
        if hold.status.ended:
            return Code.UNCHANGED
        if hold.status is not CONFIRMING:
            return Code.HOLD_STATE
        if asked.version not in (0, hold.version):
            return Code.HOLD_CHANGED
        expired = asked.text == "expired"
        kind = "hold.expired" if expired else "hold.released"
        self._end(hold, EXPIRED if expired else RELEASED, kind, asked.text)
        return Code.OK

    def book_hold(self, asked: Asked, given: Given) -> Code:
        known = self.holds.get(asked.hold_id)
        if known is not None and known.status is CONFIRMED:
            return Code.HOLD_CONFIRMED
        kept = known if known is not None and not known.status.ended else None
        if kept is not None and (kept.seats, kept.floor) == (asked.seats, asked.floor):
            self._booked(kept)
            return Code.OK
        mine = kept.seats if kept is not None else frozenset()
        short = kept is None and asked.floor > self.floor_free()
        if not asked.seats <= self.free_seats_now() | mine | self.blocked or short:
            return Code.SEAT_UNAVAILABLE
        if kept is not None:
            self._end(kept, RELEASED, "hold.released", "ledger_conflict")
        version = known.version if known is not None else asked.version
        fresh = Hold(
            asked.hold_id,
            CONFIRMED,
            version,
            asked.owner,
            asked.seats,
            asked.floor,
            asked.number,
            asked.number,
        )
        self.blocked -= asked.seats
        self.holds[fresh.id] = fresh
        self._booked(fresh)
        return Code.OK

    def drop_hold(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            return Code.HOLD_UNKNOWN
        if hold.status.ended:
            return Code.UNCHANGED
        if hold.status is CONFIRMED:
            return Code.HOLD_STATE
        self._end(hold, RELEASED, "hold.released", asked.text)
        return Code.OK

    def free_seats(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            return Code.HOLD_UNKNOWN
        if hold.status is not CONFIRMED:
            return Code.UNCHANGED if hold.status.ended else Code.HOLD_STATE
        if asked.version not in (0, hold.version):
            return Code.HOLD_CHANGED
        left, floor = hold.seats - asked.seats, hold.floor - min(hold.floor, asked.floor)
        if (left, floor) == (hold.seats, hold.floor):
            return Code.UNCHANGED
        hold.seats, hold.floor = left, floor
        if not hold.units:
            hold.status, hold.reason = RELEASED, "refunded"
        self._saved(hold, "order.refunded")
        return Code.OK

    def require_refund(self, asked: Asked, given: Given) -> Code:
        hold = self.holds.get(asked.hold_id)
        if hold is not None:
            if hold.reason == "refund_required":
                return Code.UNCHANGED
            hold.reason, hold.in_ledger = "refund_required", True
            hold.version += 1
        self._event("order.refund_required", asked.hold_id)
        return Code.OK

    # The operator

    def block_seats(self, asked: Asked, given: Given) -> Code:
        return self._block("seats.blocked", asked.seats & self.free_seats_now())

    def unblock_seats(self, asked: Asked, given: Given) -> Code:
        return self._block("seats.unblocked", asked.seats & self.blocked)

    def _block(self, kind: str, seats: frozenset[int]) -> Code:
        """Those that are not free (or not blocked) stay as they are."""
        if not seats:
            return Code.UNCHANGED
        self.blocked ^= seats
        self._event(kind, "")
        return Code.OK

    def change_lifecycle(self, asked: Asked, given: Given) -> Code:
        wanted = {"pause": "paused", "drain": "draining", "close": "closed"}
        lifecycle = wanted.get(asked.text, self.resume_to)
        if asked.text == "resume" and self.lifecycle != "paused":
            lifecycle = self.lifecycle
        if self.lifecycle == "closed" and asked.text != "close":
            return Code.SALE_CLOSED
        if lifecycle == self.lifecycle:
            return Code.UNCHANGED
        if lifecycle == "paused":
            self.resume_to = self.lifecycle
        self.lifecycle, self.changed = lifecycle, True
        return Code.OK

    def read_hold(self, asked: Asked, given: Given) -> Code:
        return Code.OK if asked.hold_id in self.holds else Code.HOLD_UNKNOWN

    # Parts

    def _open(self, asked: Asked) -> tuple[Hold | None, Code]:
        hold = self.holds.get(asked.hold_id)
        if hold is None:
            return None, Code.HOLD_UNKNOWN
        if asked.owner not in ("", hold.buyer):
            return None, Code.NOT_OWNER
        if hold.status is EXPIRED or hold.overdue(self.now_ms):
            return None, Code.HOLD_EXPIRED
        if hold.status is RELEASED:
            return None, Code.HOLD_RELEASED
        if asked.version not in (0, hold.version):
            return None, Code.HOLD_CHANGED
        return hold, Code.OK

    def _confirming(self, hold: Hold) -> None:
        hold.status, hold.reason, hold.in_ledger = CONFIRMING, "", True
        self.due.pop(hold.id, None)
        hold.version += 1
        self.changed = True

    def _booked(self, hold: Hold) -> None:
        hold.status, hold.reason, hold.in_ledger = CONFIRMED, "", True
        self.due.pop(hold.id, None)
        self._saved(hold, "order.confirmed")

    def _end(self, hold: Hold, status: HoldStatus, kind: str, reason: str) -> None:
        hold.status, hold.reason = status, reason
        if hold.in_ledger:
            self.due.pop(hold.id, None)
        else:
            self._due_set(hold.id, self.now_ms + KEPT_MS)
        self._saved(hold, kind)

    def _saved(self, hold: Hold, kind: str) -> None:
        hold.version += 1
        self._event(kind, hold.id)

    def _event(self, kind: str, subject: str) -> None:
        self.events.append((kind, subject))
        self.changed = True

    def _due_set(self, hold_id: str, at_ms: int) -> None:
        self.due[hold_id] = at_ms
        if self.next_due_ms == 0 or at_ms < self.next_due_ms:
            self.next_due_ms = at_ms
        self.changed = True

    def _stock_overdue(self) -> bool:
        return 0 < self.next_due_ms <= self.now_ms

    def _sweep(self, limit: int) -> None:
        if not self._stock_overdue():
            return
        before = self.next_due_ms
        late = sorted((at, hold_id) for hold_id, at in self.due.items() if at <= self.now_ms)
        for _, hold_id in late[:limit]:
            hold = self.holds.get(hold_id)
            if hold is not None and hold.overdue(self.now_ms):
                self._end(hold, EXPIRED, "hold.expired", "expired")
            else:
                self.due.pop(hold_id)
                if hold is not None and hold.status.ended:
                    del self.holds[hold_id]
        self.next_due_ms = min(self.due.values(), default=0)
        self.changed = self.changed or self.next_due_ms != before

    # Installing

    def install_stock(self, epoch: int) -> Code:
        installed = self.epoch if self.present else 0
        if installed == epoch:
            return Code.UNCHANGED
        if max(installed, self.fence) > epoch:
            return Code.INSTALL_FENCED
        self.present, self.fence = False, epoch
        return Code.OK

    def install_sale(self, epoch: int) -> Code:
        if self.present and self.epoch >= epoch:
            return Code.UNCHANGED if self.epoch == epoch else Code.EPOCH_CHANGED
        return Code.OK

    def begin_epoch(
        self,
        epoch: int,
        revision: int,
        holds: Iterable[HoldRecord],
        *,
        rebuilt: bool,
        lifecycle: str = "live",
        blocked: frozenset[int] = frozenset(),
    ) -> None:
        """The sale hash is there: what was written before it is the sale from now on."""
        self.present, self.epoch, self.revision = True, epoch, revision
        self.lifecycle, self.resume_to, self.blocked = lifecycle, "live", blocked
        self.holds = {record.id: taken_from(record) for record in holds}
        self.due = {h.id: h.expires_ms for h in self.holds.values() if h.status.timed}
        self.next_due_ms = min(self.due.values(), default=0)
        self.events = [("inventory.rebuilt", "")] if rebuilt else []

    def lose(self) -> None:
        """Everything of the sale is gone, its fence too."""
        self.present, self.epoch, self.fence, self.revision, self.clock_ms = False, 0, 0, 0, 0
        self.holds, self.due, self.events = {}, {}, []
        self.lifecycle, self.resume_to, self.blocked = "live", "live", frozenset()
        self.next_due_ms = 0

    def copy(self) -> StoreModel:
        """What a snapshot keeps."""
        holds = {hold_id: replace(hold) for hold_id, hold in self.holds.items()}
        return replace(self, holds=holds, due=dict(self.due), events=list(self.events))

    def compare(self, records: Sequence[HoldRecord], states: str) -> None:
        """Raises when the real holds or seats are not these."""
        real = {record.id: taken_from(record) for record in records}
        for hold_id in sorted({*real, *self.holds}):
            if real.get(hold_id) != self.holds.get(hold_id):
                raise Violation(
                    "state", f"hold {real.get(hold_id)}, should be {self.holds.get(hold_id)}"
                )
        if states != self.states():
            raise Violation("state", f"seats {states}, should be {self.states()}")
