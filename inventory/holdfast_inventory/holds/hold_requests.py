"""Request and response bodies of holds, and their validation.

A request is validated in two steps: its shape, by types; what it names, against the plan, in
`resolve`. A response has everything that a shop needs to print a ticket, so that it need not read
the plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Annotated, Final

import msgspec

from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus
from holdfast_web.credentials import MAX_BUYER_CHARS
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.request.text import INT64_MAX
from holdfast_web.timestamps import timestamp

PICK_MAX: Final = 100
SEATS_MAX: Final = 1000
ID_BYTES: Final = 10
_STATUS_NAMES: Final = {status: status.name.lower() for status in HoldStatus}

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], msgspec.Meta(max_length=SEATS_MAX)]
Index = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
Indices = Annotated[tuple[Index, ...], msgspec.Meta(min_length=1, max_length=SEATS_MAX)]
BuyerName = Annotated[str, msgspec.Meta(max_length=MAX_BUYER_CHARS)]


class BestAvailable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seats that the service picks; empty filters mean all."""

    quantity: Annotated[int, msgspec.Meta(ge=1, le=PICK_MAX)]
    categories: Words = ()
    zones: Words = ()
    prevent_orphans: bool = True
    accessible: bool = False


class AreaRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of an area."""

    id: Word
    quantity: Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class HoldBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../holds`: explicit seats or best available, or areas, or areas with either.

    Members that a release has added are unset by default: its digest of a request that has none of
    them is that of the release before, so a repeat finds the hold during a rolling upgrade.
    """

    seats: Words = ()
    best_available: BestAvailable | None = None
    areas: Annotated[tuple[AreaRequest, ...], msgspec.Meta(max_length=200)] = ()
    buyer: BuyerName | None = None
    seat_indices: Indices | msgspec.UnsetType = msgspec.UNSET
    plan_version: Word | msgspec.UnsetType = msgspec.UNSET


class HoldChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../holds/{id}/extend|release`; `version`, when given, must be the hold's."""

    version: Annotated[int, msgspec.Meta(ge=1, le=INT64_MAX)] | None = None
    buyer: BuyerName | None = None


class SeatsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST .../seats/block|unblock`."""

    seats: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1, max_length=SEATS_MAX)]


class HoldRequest(msgspec.Struct, frozen=True):
    """A validated request: seats, zones and areas by their indices."""

    seats: tuple[int, ...]
    best: BestAvailable | None
    zones: frozenset[int]
    areas: tuple[AreaUnits, ...]
    channels: frozenset[str] = frozenset()


class BuyerRef(msgspec.Struct, frozen=True, gc=False):
    """The buyer of a hold request.

    `credential` scopes idempotency keys; `pass_id` is empty for an API key. A pass has an end, and
    the epoch of the sale that it was issued in.
    """

    id: str
    credential: str
    pass_id: str = ""
    pass_epoch: int = 0
    pass_expires_ms: int = 0
    pass_limit_ms: int = 0
    """until when the pass can be renewed, 0 for ever"""


def resolve(
    body: HoldBody, plan: Plan, settings: InventorySettings, channels: frozenset[str] = frozenset()
) -> HoldRequest:
    """Validates a request against the plan.

    HoldfastError when it contradicts itself, names something unknown, or something that is set
    aside for a channel that the caller does not have.
    """
    best = body.best_available
    seats, areas = _seats(body, plan), _areas(body.areas, settings)
    if seats and best is not None:
        raise invalid("best_available", "Ask for `seats` or for `best_available`, not both.")
    if not seats and best is None and not areas:
        raise invalid("seats", "Ask for `seats`, `best_available` or `areas`.")
    if best is not None and best.categories:
        _require_known(best.categories, plan.categories, "categories")
    zones = _zones(best.zones if best else (), plan)
    withheld = [
        *(
            plan.guids[seat]
            for seat in seats
            if settings.withheld(plan.kind(seat).channel, channels)
        ),
        *(
            a.id
            for u in areas
            if settings.withheld((a := settings.areas[u.area]).channel, channels)
        ),
    ]
    if withheld:
        raise HoldfastError(ErrorCode.CHANNEL_REQUIRED, conflicts=withheld)
    return HoldRequest(seats, best, zones, areas, channels)


def _seats(body: HoldBody, plan: Plan) -> tuple[int, ...]:
    """Dense indices of the seats that are named by guid or by index.

    Indices are those of one plan, which can be put anew until the sale begins.
    """
    if body.plan_version not in (msgspec.UNSET, plan.version):
        raise HoldfastError(ErrorCode.CONFLICT, "The plan is another one by now; read it again.")
    indices = body.seat_indices
    if indices is msgspec.UNSET:
        return seat_indices(body.seats, plan)
    if body.seats:
        raise invalid("seat_indices", "Name seats by guid or by index, not both.")
    if body.plan_version is msgspec.UNSET:
        raise invalid("plan_version", "Say which plan the indices are of.")
    unknown = [at for at in indices if at >= len(plan)]
    if unknown:
        detail = f"No seat {unknown[0]} in the plan."
        raise HoldfastError(ErrorCode.UNKNOWN_SEAT, detail, field="seat_indices", unknown=unknown)
    return _each_once(indices, "seat_indices")


def seat_indices(guids: Sequence[str], plan: Plan) -> tuple[int, ...]:
    """Dense indices of seats; 400 when one is unknown or named twice."""
    if not guids:
        return ()
    indices = [plan.index(guid) for guid in guids]
    unknown = [guid for guid, at in zip(guids, indices, strict=True) if at is None]
    if unknown:
        raise HoldfastError(
            ErrorCode.UNKNOWN_SEAT,
            f"No seat {unknown[0]!r} in the plan.",
            field="seats",
            unknown=unknown,
        )
    return _each_once([at for at in indices if at is not None], "seats")


def _each_once(indices: Sequence[int], field: str) -> tuple[int, ...]:
    if len(set(indices)) != len(indices):
        raise invalid(field, "A seat is named twice.")
    return tuple(indices)


def hold_id_for(uid: str, credential: str, key: str) -> str:
    """The id of the hold that an idempotency key stands for.

    Derived, not random: a repeat finds the hold without a record of its own, and a caller that
    lost the answer can cancel a request that may not even have arrived yet.
    """
    text = "\0".join((uid, credential, key)).encode()
    return hashlib.blake2b(text, digest_size=ID_BYTES, person=b"holdfast hold").hexdigest()


class SeatItem(msgspec.Struct, frozen=True):
    """A seat of a hold, with all that a ticket says; `index` is its place in the plan."""

    seat: str
    label: str
    category: str
    price: int
    index: int
    quantity: int = 1


class AreaItem(msgspec.Struct, frozen=True):
    """Units of an area."""

    area: str
    label: str
    category: str
    price: int
    quantity: int


class HoldView(msgspec.Struct, frozen=True):
    """A hold as the API shows it, with its order in the answer to `paying`."""

    id: str
    sale: str
    status: str
    buyer: str
    items: list[SeatItem | AreaItem]
    next_to_each_other: bool
    total: int
    currency: str
    expires_at: str
    expires_in_seconds: int
    version: int
    order_ref: str | None
    reason: str | msgspec.UnsetType = msgspec.UNSET
    order: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    created_at: str | msgspec.UnsetType = msgspec.UNSET
    age_seconds: int | msgspec.UnsetType = msgspec.UNSET
    paying: bool | msgspec.UnsetType = msgspec.UNSET


def open_hold_view(
    hold: HoldRecord, now_ms: int, sale: str, plan: Plan, settings: InventorySettings
) -> HoldView:
    """The hold in the list of all: with its age, and whether it is being paid."""
    return msgspec.structs.replace(
        hold_view(hold, now_ms, sale, plan, settings),
        created_at=timestamp(hold.created_ms),
        age_seconds=max(0, now_ms - hold.created_ms) // 1000,
        paying=hold.status_at(now_ms) in (HoldStatus.PAYING, HoldStatus.CONFIRMING),
    )


def hold_view(
    hold: HoldRecord, now_ms: int, sale: str, plan: Plan, settings: InventorySettings
) -> HoldView:
    """The hold at a time: past its deadline it is shown as expired, swept or not."""
    status = hold.status_at(now_ms)
    left_ms = max(0, hold.expires_ms - now_ms) if status.timed else 0
    told = status is HoldStatus.RELEASED and hold.reason
    return HoldView(
        hold.id,
        sale,
        _STATUS_NAMES[status],
        hold.buyer,
        hold_items(hold, plan, settings),
        plan.adjacent(hold.seats),
        hold.total,
        settings.currency,
        timestamp(hold.expires_ms),
        left_ms // 1000,
        hold.version,
        hold.order_ref or None,
        told or msgspec.UNSET,
    )


def hold_items(
    hold: HoldRecord, plan: Plan, settings: InventorySettings
) -> list[SeatItem | AreaItem]:
    """What is held, seat by seat and area by area."""
    items: list[SeatItem | AreaItem] = [
        SeatItem(plan.guids[seat], plan.label(seat), plan.kind(seat).category, price, seat)
        for seat, price in zip(hold.seats, hold.prices, strict=True)
    ]
    for units in hold.areas:
        area = settings.areas[units.area]
        items.append(AreaItem(area.id, area.name, area.category, units.price, units.quantity))
    return items


def _require_known(names: Sequence[str], known: Collection[str], field: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        detail = f"{unknown[0]!r} is not in the plan."
        raise HoldfastError(ErrorCode.UNKNOWN_SEAT, detail, field=field, unknown=unknown)


def _zones(names: Sequence[str], plan: Plan) -> frozenset[int]:
    """Zones by id or by name."""
    if not names:
        return frozenset()
    _require_known(names, plan.zones_named, "zones")
    return frozenset(at for name in set(names) for at in plan.zones_named[name])


def _areas(requested: Sequence[AreaRequest], settings: InventorySettings) -> tuple[AreaUnits, ...]:
    if not requested:
        return ()
    places = {area.id: at for at, area in enumerate(settings.areas)}
    _require_known([area.id for area in requested], places, "areas")
    if len({area.id for area in requested}) != len(requested):
        raise invalid("areas", "An area is named twice.")
    return tuple(
        AreaUnits(
            places[area.id],
            area.quantity,
            settings.price(settings.areas[places[area.id]].category),
        )
        for area in requested
    )
