"""Records: what the ledger takes and returns, as plain values without SQL.

An order is stored with its items as one JSON text, and its `status` is the word that the API shows.
A seat has two names: `index`, its position in plan order, which the primary key of `sold` uses
because it is short, and `seat`, its guid, which clients know. Plan and indices never change once a
sale has started.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

DrawStarts = tuple[tuple[int, int], ...]


class _Kind(msgspec.Struct):
    """What the ledger reads of the settings of a sale."""

    test: bool = False


_decode_kind: Final = msgspec.json.Decoder(_Kind).decode
_decode_starts: Final = msgspec.json.Decoder(DrawStarts).decode


class OrderStatus(StrEnum):
    """The state of an order. Only SOLD and PARTLY_REFUNDED orders own seats."""

    PENDING = "pending"
    SOLD = "confirmed"
    LOST = "refund_required"
    VOID = "void"
    PARTLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class OrderItem(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A seat (by guid and plan index), or some units of an area; `refunded` are back on sale."""

    label: str
    category: str
    price: int
    quantity: int = 1
    seat: str | None = None
    index: int | None = None
    area: str | None = None
    refunded: int = 0

    @property
    def owned(self) -> int:
        """Units that still belong to the order."""
        return self.quantity - self.refunded


class Refund(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One refund; a repeat with the same `key` gives nothing back again."""

    at_ms: int
    amount: int
    units: int
    key: str | None = None


class Order(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One order; its id is the id of the hold that it came from.

    Its JSON is a row of `orders`: a field for each column, those with their default, NULL in the
    row, left out.

    `hold_version` is the last version of the hold that the ledger knows: a void refuses every
    confirm that began at that version or before, and no other. `due_ms` is the store time from
    which recovery visits the order; None when nothing is left to do.
    """

    sale_uid: str
    id: str
    status: OrderStatus
    buyer: str
    hold_version: int
    total: int
    currency: str
    items: tuple[OrderItem, ...]
    next_to_each_other: bool
    created_ms: int
    updated_ms: int
    order_ref: str | None = None
    payment_ref: str | None = None
    amount: int | None = None
    refunds: tuple[Refund, ...] = ()
    reason: str | None = None
    confirmed_ms: int | None = None
    due_ms: int | None = None
    acted_by: str | None = None
    """id of the key that began the payment or confirmed it; None when no key did"""
    acted_from: str | None = None
    """the address of that client"""
    request_id: str | None = None

    @property
    def seats(self) -> tuple[int, ...]:
        """Plan indices of the seats that the order owns while it is sold."""
        return tuple([i.index for i in self.items if i.index is not None and i.owned])

    @property
    def areas(self) -> dict[str, int]:
        """Units per area that the order owns while it is sold."""
        units: dict[str, int] = {}
        for item in self.items:
            if item.area is not None and item.owned:
                units[item.area] = units.get(item.area, 0) + item.owned
        return units

    @property
    def units(self) -> int:
        """Seats and area units together that the order owns while it is sold."""
        return sum(item.owned for item in self.items)

    @property
    def refunded_amount(self) -> int:
        """Minor units given back so far."""
        return sum(refund.amount for refund in self.refunds)


@dataclass(frozen=True, slots=True)
class SaleDraft:
    """A sale to be created: `spec` is its JSON, `areas` the capacity of each area."""

    uid: str
    name: str
    spec: bytes
    plan: bytes | None = None
    areas: Mapping[str, int] = field(default_factory=dict)
    lifecycle: str = "live"
    draw_secret: bytes = field(default=b"", repr=False)
    identity_secret: bytes = field(default=b"", repr=False)
    draw_starts: DrawStarts = ()


@dataclass(frozen=True, slots=True)
class SaleRecord:
    """A sale as the ledger has it. `provisioned`: the store has carried it at least once.

    `installed_epoch` is the last epoch that the store has carried. While it is below `epoch`,
    nobody has been served in this epoch: it is being installed, or the installer died.
    `store_nonce` names the one store that may carry `epoch`; empty until a store has begun to.
    `draw_starts` has each start that was announced for the draw, and since when (ms, store time).
    """

    uid: str
    name: str
    epoch: int
    lifecycle: str
    spec: bytes
    settings_version: int
    issued_ceiling: int
    provisioned: bool
    created_ms: int
    updated_ms: int
    deleted: bool
    draw_secret: bytes = field(repr=False)
    installed_epoch: int = 0
    store_nonce: str = ""
    identity_secret: bytes = field(default=b"", repr=False)
    """key of the digests of identities; empty in a sale from before there were such keys"""
    draw_starts: DrawStarts = ()

    @property
    def test(self) -> bool:
        """Whether it is a test sale, which its settings say."""
        return _decode_kind(self.spec).test


def sale_record(row: Mapping[str, Any]) -> SaleRecord:
    """The record behind a row of `sales`."""
    values = dict(row)
    del values["change_number"]
    values["deleted"] = values.pop("live_name") is None
    values["spec"] = values["spec"].encode()
    values["identity_secret"] = bytes.fromhex(values["identity_secret"])
    values["draw_starts"] = _decode_starts(values["draw_starts"] or b"[]")
    return SaleRecord(**values)


@dataclass(frozen=True, slots=True)
class RebuildState:
    """What a store must have after a loss; all of it takes precedence over the store."""

    sold_seats: Mapping[int, str]
    """plan index -> order id"""
    sold_areas: Mapping[str, int]
    buyer_units: Mapping[str, int]
    """buyer -> units in sold orders, for the limit per buyer"""
    pending: tuple[Order, ...]
    """their seats are held, until `due_ms`"""
    sold: tuple[Order, ...] = ()
    """the orders that own what is sold: their items, less what was refunded"""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An API key; only the hash of its secret is kept. Without `sales` it is for all of them."""

    id: str
    name: str
    role: int
    created_ms: int
    revoked_ms: int | None
    channels: tuple[str, ...] = ()
    sales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit, written in the transaction of the change that it is about.

    `detail`, `before` and `after` are JSON objects without secrets. `before` and `after` have the
    values that were changed; None where there was nothing before, or is nothing after.
    """

    actor: str
    action: str
    detail: bytes = b"{}"
    before: bytes | None = None
    after: bytes | None = None
    address: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: the id of an API key, the client's address, the request's id."""

    key_id: str
    address: str | None = None
    request_id: str | None = None

    def entry(
        self, action: str, *, detail: object = None, before: object = None, after: object = None
    ) -> AuditEntry:
        """The audit entry of what this actor does; the values are what JSON can hold."""
        return AuditEntry(
            self.key_id,
            action,
            b"{}" if detail is None else msgspec.json.encode(detail),
            None if before is None else msgspec.json.encode(before),
            None if after is None else msgspec.json.encode(after),
            self.address,
            self.request_id,
        )


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An audit entry as it was written, to which sale and when.

    `actor_name` is the name of the actor's key, None when the ledger has no such key.
    """

    id: int
    at_ms: int
    sale: str | None
    entry: AuditEntry
    actor_name: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a sale's line at `taken_ms`; only the queue reads the body."""

    sale_uid: str
    epoch: int
    taken_ms: int
    body: bytes
    revision: int = 0
