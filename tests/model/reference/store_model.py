"""The store of one sale as it ought to be, in plain Python: no I/O, no bytes, no clock of its own.

What it keeps, and what is therefore compared after every step:

- holds with their state, version, owner, units and deadline, which seats are blocked, and whether
  the allotment is still set aside; the state of every seat and every counter follow from them, so
  that no seat can be in two holds and none can be lost;
- the deadlines that wait for a sweep, since what a sweep ends must not depend on when it comes;
- the revision, which grows by one with each change and never otherwise;
- the events, one for each change of a hold, in order and without a gap.

Here are the state, what follows from it, and what scripts have in common. What each
script does with them is in holding, selling, operating and installing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from model.reference.terms import (
    CAPACITY,
    CLUB_SEATS,
    CONFIRMED,
    CONFIRMING,
    EXPIRED,
    EXPIRED_KEPT_MS,
    LODGE,
    RELEASED,
    RELEASED_KEPT_MS,
    ROOM,
    SEATS,
    Areas,
    Hold,
    ScriptRequest,
    Violation,
    minus,
    plus,
    taken_from,
)

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.records import HoldRecord, HoldStatus


@dataclass
class StoreModel:
    """One sale in the store; `present` is whether it can be used at all."""

    present: bool = False
    epoch: int = 0
    fence: int = 0
    nonce: str = ""
    """of the fence's epoch, in this store"""
    revision: int = 0
    clock_ms: int = 0
    now_ms: int = 0
    next_due_ms: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    """ids of holds that ended so long ago that the store keeps nothing of them"""
    blocked: frozenset[int] = frozenset()
    allotted: bool = False
    """whether the club's are still set aside"""
    lifecycle: str = "live"
    resume_to: str = "live"
    events: list[tuple[str, str]] = field(default_factory=list)
    changed: bool = False

    # One script's run

    def begin(self, clock_ms: int) -> None:
        """A script reads the time, which never runs back within a sale."""
        self.now_ms = max(clock_ms, self.clock_ms)
        self.changed = False

    def commit(self, was_gone: bool) -> None:
        """A script that changed something tells when by this the sale is sold out, or reopened."""
        if self.gone != was_gone:
            self.events.append(("inventory.sold_out" if self.gone else "inventory.reopened", ""))
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
        """Nothing is free and nothing is held, so nothing can become free by itself."""
        free, held, _ = self.counts()
        return free + held <= 0

    @property
    def gone(self) -> bool:
        """Sold out for everybody in line: what is set aside for the club does not keep it open."""
        free, held, _ = self.counts()
        return free + held <= sum(self.allotted_counts())

    def allotted_counts(self) -> tuple[int, int]:
        """Free, held of what is set aside for others than those in line."""
        if not self.allotted:
            return 0, 0
        states = [self.states()[seat] for seat in CLUB_SEATS]
        held = [hold.areas[LODGE] for hold in self.living() if hold.status is not CONFIRMED]
        return states.count("f") + self.areas_free()[LODGE], states.count("h") + sum(held)

    def units_of(self, buyer: str) -> int:
        return sum(hold.units for hold in self.living() if hold.buyer == buyer)

    def free_seats_now(self) -> set[int]:
        return {seat for seat, state in enumerate(self.states()) if state == "f"}

    def areas_free(self) -> Areas:
        return minus(ROOM, plus(*(hold.areas for hold in self.living())))

    def open_hold(self, request: ScriptRequest) -> tuple[Hold | None, Code]:
        """The hold that its owner, or the platform, wants to change; or why not."""
        hold = self.holds.get(request.hold_id)
        if hold is None:
            return None, Code.HOLD_UNKNOWN
        if request.owner not in ("", hold.buyer):
            return None, Code.NOT_OWNER
        if hold.status is EXPIRED or hold.overdue(self.now_ms):
            return None, Code.HOLD_EXPIRED
        if hold.status is RELEASED:
            return None, Code.HOLD_RELEASED
        if request.version not in (0, hold.version):
            return None, Code.HOLD_CHANGED
        return hold, Code.OK

    # Steps that scripts have in common

    def confirming(self, hold: Hold) -> None:
        """Time has no hold on it any more, and the ledger knows it."""
        hold.status, hold.reason, hold.in_ledger = CONFIRMING, "", True
        self.due.pop(hold.id, None)
        hold.version += 1
        self.changed = True

    def booked(self, hold: Hold) -> None:
        """Its order is sold."""
        hold.status, hold.reason, hold.in_ledger = CONFIRMED, "", True
        self.due.pop(hold.id, None)
        self.saved(hold, "order.confirmed")

    def end(self, hold: Hold, status: HoldStatus, kind: str, reason: str) -> None:
        """Its units are free. What the ledger does not know is kept for a while."""
        hold.status, hold.reason = status, reason
        if hold.in_ledger:
            self.due.pop(hold.id, None)
        else:
            kept_ms = EXPIRED_KEPT_MS if status is EXPIRED else RELEASED_KEPT_MS
            self.due_set(hold.id, self.now_ms + kept_ms)
        self.saved(hold, kind)

    def saved(self, hold: Hold, kind: str) -> None:
        """Every change of a hold is a new version and has its event."""
        hold.version += 1
        self.event(kind, hold.id)

    def event(self, kind: str, subject: str) -> None:
        self.events.append((kind, subject))
        self.changed = True

    def due_set(self, hold_id: str, at_ms: int) -> None:
        """Time will change this hold."""
        self.due[hold_id] = at_ms
        if self.next_due_ms == 0 or at_ms < self.next_due_ms:
            self.next_due_ms = at_ms
        self.changed = True

    def stock_overdue(self) -> bool:
        return 0 < self.next_due_ms <= self.now_ms

    def sweep(self, limit: int) -> None:
        """Ends overdue holds and forgets those that ended long ago, so many at most."""
        if not self.stock_overdue():
            return
        before = self.next_due_ms
        late = sorted((at, hold_id) for hold_id, at in self.due.items() if at <= self.now_ms)
        for _, hold_id in late[:limit]:
            hold = self.holds.get(hold_id)
            if hold is not None and hold.overdue(self.now_ms):
                self.end(hold, EXPIRED, "hold.expired", "expired")
            else:
                self.due.pop(hold_id)
                if hold is not None and hold.status.ended:
                    del self.holds[hold_id]
                    self.forgotten.add(hold_id)
        self.next_due_ms = min(self.due.values(), default=0)
        self.changed = self.changed or self.next_due_ms != before

    # Beside the scripts

    def lose(self) -> None:
        """Everything of the sale is gone, its fence too."""
        self.present, self.epoch, self.fence, self.revision, self.clock_ms = False, 0, 0, 0, 0
        self.holds, self.due, self.events, self.nonce = {}, {}, [], ""
        self.lifecycle, self.resume_to, self.blocked = "live", "live", frozenset()
        self.next_due_ms, self.allotted = 0, False

    def copy(self) -> StoreModel:
        """What a snapshot keeps."""
        holds = {hold_id: replace(hold) for hold_id, hold in self.holds.items()}
        return replace(
            self,
            holds=holds,
            due=dict(self.due),
            events=list(self.events),
            forgotten=set(self.forgotten),
        )

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
