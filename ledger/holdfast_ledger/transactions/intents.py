"""Intents: the changes of an order that the ledger commits, and their outcomes.

Each intent carries the epoch that its sender works for; the ledger refuses it when that epoch is
over. Each is idempotent: a repeat is answered with REPEATED.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Final

import msgspec

from holdfast_ledger.records import Actor, Order

ITEM_UNITS_MAX: Final = 10_000_000
ItemName = Annotated[str, msgspec.Meta(max_length=200)]


class RefundItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seat by its guid, or some units of an area."""

    seat: ItemName | None = None
    area: ItemName | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=ITEM_UNITS_MAX)] = 1


@dataclass(frozen=True, slots=True)
class MarkPending:
    """Before the buyer is charged: keeps the seats for this order until `due_ms`."""

    epoch: int
    order: Order


@dataclass(frozen=True, slots=True)
class Sell:
    """After the buyer has paid: sells the seats to them, or finds them taken."""

    epoch: int
    order: Order


@dataclass(frozen=True, slots=True)
class MarkLost:
    """After the buyer has paid for nothing that can be had: the payment must be refunded."""

    epoch: int
    order: Order


@dataclass(frozen=True, slots=True)
class MarkVoid:
    """When nobody paid in time: refuses every confirm that began before, so that the hold can be
    released.
    """

    epoch: int
    order: Order


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Refunds the whole order, or the `wanted` items of it; the audit has an entry by `actor`."""

    epoch: int
    sale_uid: str
    order_id: str
    at_ms: int
    wanted: tuple[RefundItem, ...] | None = None
    key: str | None = None
    actor: Actor | None = None


@dataclass(frozen=True, slots=True)
class StoreSynced:
    """The store agrees with the order as of `updated_ms`, so recovery need not visit it."""

    epoch: int
    sale_uid: str
    order_id: str
    updated_ms: int


@dataclass(frozen=True, slots=True)
class RecoveryLease:
    """Reserves an order that is due at `due_ms` for one recovery worker until `until_ms`."""

    epoch: int
    sale_uid: str
    order_id: str
    due_ms: int
    until_ms: int


Intent = MarkPending | Sell | MarkLost | MarkVoid | GiveBack | StoreSynced | RecoveryLease


_ABOUT_ORDERS: Final = (Sell, MarkPending, MarkLost, MarkVoid)


def order_key(intent: Intent) -> tuple[str, str]:
    """The sale and the order that an intent is about."""
    if isinstance(intent, _ABOUT_ORDERS):
        return intent.order.sale_uid, intent.order.id
    return intent.sale_uid, intent.order_id


class Verdict(Enum):
    """How an intent ended."""

    DONE = auto()
    """it is in the ledger now"""
    REPEATED = auto()
    """it was in the ledger before: the same request again"""
    DIFFERS = auto()
    """the order was settled with another reference, payment or amount"""
    TAKEN = auto()
    """somebody else owns a seat or the last units: the order is LOST now"""
    VOIDED = auto()
    """the order was voided after this confirm began: begin again"""
    SETTLED = auto()
    """the status of the order does not allow it any more"""
    OUTDATED = auto()
    """the hold has moved on since this was decided"""
    UNKNOWN = auto()
    """no such order"""
    NOT_OWNED = auto()
    """the order does not own what should be given back"""
    EPOCH_PASSED = auto()
    """the sale has moved to a later epoch"""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The verdict and the order as the ledger has it after it."""

    verdict: Verdict
    order: Order | None = None
    taken_seats: tuple[int, ...] = ()
    taken_areas: tuple[str, ...] = ()
