"""What the contract's answers look like, as far as the crowd and the audit read them.

Clients must ignore unknown fields, states and event types, so every struct takes what it knows,
gives the rest a default, and leaves enumerations as plain strings. Seats, numbers and times keep
the contract's own names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Problem(msgspec.Struct):
    """The body of a refusal (`application/problem+json`)."""

    code: str = ""
    detail: str = ""
    refund_required: bool = False


class Sale(msgspec.Struct):
    """A sale as an operator reads it; only what the audit measures against."""

    sale: str = ""
    uid: str = ""
    name: str = ""
    state: str = ""
    queueing_method: str = "fifo"
    new_users_per_minute: float = 600
    burst: int = 20
    total_active_users: int = 1000
    max_units_per_buyer: int = 6
    hold_seconds: float = 1800
    claim_window_seconds: float = 120
    first_hold_seconds: float = 180
    return_origins: list[str] = []
    event_start_time: datetime | None = None
    test: bool = False


class Status(msgspec.Struct):
    """The one document shared by everybody who waits."""

    state: str
    revision: int
    serving: int = 0
    issued: int = 0
    gaps: list[tuple[int, int]] = []
    admitted_per_minute: float | None = None
    refresh_interval_seconds: float = 5.0
    sellable: int | None = None
    held: int | None = None
    sold: int | None = None


class Ticket(msgspec.Struct):
    """A place; on a quiet sale it comes with the pass."""

    ticket: str
    number: int | None = None
    token: str | None = msgspec.field(default=None, name="pass")
    pass_id: str | None = None
    redirect_to: str | None = None


class Estimate(msgspec.Struct):
    """Seconds that half of those who get it wait at most, and that nine in ten do."""

    p50: float
    p90: float


class View(msgspec.Struct):
    """A visitor's own place in the line."""

    state: str
    revision: int
    number: int | None = None
    called: bool = False
    users_ahead: int | None = None
    estimated_wait_seconds: Estimate | None = None


class Pass(msgspec.Struct):
    token: str = msgspec.field(name="pass")
    pass_id: str = ""
    redirect_to: str | None = None


class Item(msgspec.Struct):
    """One line of a hold or an order: a single seat, or a quantity of an area."""

    seat: str | None = None
    area: str | None = None
    label: str | None = None
    category: str | None = None
    price: int = 0
    quantity: int = 1
    refunded: int = 0

    @property
    def owned(self) -> int:
        """Units that were not given back."""
        return self.quantity - self.refunded


class Hold(msgspec.Struct):
    id: str
    status: str = ""
    items: list[Item] = []
    total: int = 0
    currency: str = ""
    expires_in_seconds: float | None = None


class Order(msgspec.Struct):
    """An order in the ledger; `status` tells a paid one from one lost, voided or refunded."""

    id: str
    status: str = ""
    buyer: str = ""
    items: list[Item] = []
    order_ref: str | None = None
    payment_ref: str | None = None
    amount: int | None = None


class Confirmation(msgspec.Struct):
    status: str = ""
    order: Order | None = None


class Counts(msgspec.Struct):
    free: int = 0
    held: int = 0
    booked: int = 0
    blocked: int = 0


class AreaCounts(msgspec.Struct):
    free: int = 0
    held: int = 0
    booked: int = 0
    capacity: int = 0


class SeatMap(msgspec.Struct):
    """`states` has one character a seat, in plan order: f(ree) h(eld) b(ooked) x (blocked)."""

    version: str | int = ""
    plan_version: str | int = ""
    counts: Counts = msgspec.field(default_factory=Counts)
    states: str = ""
    areas: dict[str, AreaCounts] = {}
    etag: str = ""


class PlanSeat(msgspec.Struct):
    seat_guid: str
    category: str | None = None


class PlanRow(msgspec.Struct):
    seats: list[PlanSeat] = []


class PlanZone(msgspec.Struct):
    rows: list[PlanRow] = []


class Plan(msgspec.Struct):
    """A seating plan; its order of zones, rows and seats is what `SeatMap.states` counts by.

    A sale of areas alone has one without zones.
    """

    zones: list[PlanZone] = []

    def rows(self) -> list[list[str]]:
        """The guids of every row, in plan order."""
        return [[seat.seat_guid for seat in row.seats] for zone in self.zones for row in zone.rows]

    def guids(self) -> tuple[str, ...]:
        """Every seat, in plan order."""
        return tuple(guid for row in self.rows() for guid in row)

    def categories(self) -> dict[str, str]:
        """The category of every seat that has one, by guid."""
        return {
            seat.seat_guid: seat.category
            for zone in self.zones
            for row in zone.rows
            for seat in row.seats
            if seat.category is not None
        }


class Event(msgspec.Struct):
    """A CloudEvent of the sale; `data` differs by type, see `facts`."""

    id: str
    type: str
    time: str = ""
    subject: str | None = None
    data: dict[str, Any] = {}


class EventPage(msgspec.Struct):
    items: list[Event]
    next: str | None = None


class OrderPage(msgspec.Struct):
    items: list[Order]
    next: str | None = None
