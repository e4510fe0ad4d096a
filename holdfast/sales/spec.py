"""What an operator says about a sale: the body of `PUT /v1/sales/{sale}`, checked.

The struct is the contract's list of fields with their defaults and bounds; those of the line are
taken from holdfast_queue.line.settings. Unknown fields and values out of bounds are refused by name
while decoding; what fields must agree on is checked here too. The plan stays raw JSON, which the
inventory reads. `LIVE_FIELDS` may change while people wait; the rest is fixed by the first ticket.

What the ledger keeps may have fields that a later version has written: they are passed over when it
is read, and stay when it is written again.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import inspect

from holdfast_connector.origins import parse_origin
from holdfast_queue.draw.commitment import MAX_BEACON_SOURCE_CHARS
from holdfast_queue.line import settings as line
from holdfast_queue.line.brand import MAX_LOGO_CHARS, MAX_NAME_CHARS, MAX_TEXT_CHARS
from holdfast_web.channels import CHANNEL_PATTERN
from holdfast_web.errors import invalid
from holdfast_web.request.text import MULTILINE, cleaned

MAX_SECONDS = line.MAX_WINDOW_MS // 1000
MAX_COLOUR_CHARS = 32
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(9998, 12, 31, tzinfo=UTC)
"""Between these every time can be told in UTC, whatever zone it was written in."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Currency = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{3}\Z")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=MAX_SECONDS)]
Coordinate = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
Price = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Category = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Message = Annotated[str, msgspec.Meta(max_length=line.MAX_MESSAGE_CHARS, extra=MULTILINE)]
BeaconSource = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BEACON_SOURCE_CHARS)]
Wording = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARS)]
Origin = Annotated[str, msgspec.Meta(min_length=8, max_length=300)]

QueueingMethod = Literal["fifo", "random", "passthrough", "reject"]
LatePayment = Literal["reacquire_same", "reacquire_equivalent", "refund"]


Channel = Annotated[str, msgspec.Meta(pattern=CHANNEL_PATTERN)]


class AreaSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A general-admission area: units without a seat."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")]
    name: Name
    capacity: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
    category: Category
    channel: Channel | None = None


class AllotmentSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seats set aside for a channel: by guid, or whole zones."""

    channel: Channel
    seats: Annotated[tuple[Name, ...], msgspec.Meta(max_length=250_000)] = ()
    zones: Annotated[tuple[Name, ...], msgspec.Meta(max_length=1000)] = ()


class BrandSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the waiting page looks; the line's own rules check the rest."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)] = ""
    colour: Annotated[str, msgspec.Meta(max_length=MAX_COLOUR_CHARS)] | None = None
    logo: Annotated[str, msgspec.Meta(max_length=MAX_LOGO_CHARS)] | None = None
    texts: Annotated[dict[Category, dict[Category, Wording]], msgspec.Meta(extra=MULTILINE)] = {}


class FocalPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the best view is had from, in the plan's coordinates."""

    x: Coordinate
    y: Coordinate


class SaleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a sale but its seating plan."""

    name: Name
    test: bool = False
    currency: Currency = "EUR"
    prequeue_start_time: Time | None = None
    event_start_time: Time | None = None
    event_end_time: Time | None = None
    queueing_method: QueueingMethod = "fifo"
    draw_beacon: BeaconSource | None = None
    new_users_per_minute: Annotated[int, msgspec.Meta(ge=1, le=line.MAX_RATE_PER_MINUTE)] = 600
    burst: Annotated[int, msgspec.Meta(ge=1, le=line.MAX_BURST)] = 20
    total_active_users: Annotated[int, msgspec.Meta(ge=1, le=line.MAX_ACTIVE_USERS)] = 1000
    session_duration: Annotated[int, msgspec.Meta(ge=1, le=24 * 60)] = 15
    queue_all: bool = False
    suspended: bool = False
    claim_window_seconds: Seconds = 120
    first_hold_seconds: Seconds = 180
    session_max_minutes: Annotated[int, msgspec.Meta(ge=1, le=MAX_SECONDS // 60)] = 60
    stock_factor: Annotated[
        float, msgspec.Meta(ge=line.MIN_STOCK_FACTOR, le=line.MAX_STOCK_FACTOR)
    ] = 1.0
    hold_seconds: Seconds = 1800
    hold_max_seconds: Seconds = 3600
    max_units_per_buyer: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 6
    verify_amount: bool = True
    late_payment: LatePayment = "reacquire_same"
    return_origins: Annotated[
        tuple[Origin, ...], msgspec.Meta(max_length=line.MAX_RETURN_ORIGINS)
    ] = ()
    prices: Annotated[dict[Category, Price], msgspec.Meta(max_length=1000)] = {}
    message: Message | None = None
    identity: Literal["off", "optional", "required"] = "off"
    address_joins_per_minute: (
        Annotated[int, msgspec.Meta(ge=0, le=line.MAX_ADDRESS_RATE_PER_MINUTE)] | None
    ) = None
    address_joins_burst: Annotated[int, msgspec.Meta(ge=1, le=line.MAX_ADDRESS_BURST)] = 10
    brand: BrandSpec = BrandSpec()
    prevent_orphans: bool = False
    focal_point: FocalPoint | None = None
    areas: Annotated[tuple[AreaSpec, ...], msgspec.Meta(max_length=200)] = ()
    allotments: Annotated[tuple[AllotmentSpec, ...], msgspec.Meta(max_length=20)] = ()
    released_channels: Annotated[tuple[Channel, ...], msgspec.Meta(max_length=50)] = ()
    line_channels: Annotated[tuple[Channel, ...], msgspec.Meta(max_length=50)] = ()


class SaleBody(SaleSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The PUT body: the spec and, as it came, the seating plan."""

    plan: msgspec.Raw = msgspec.Raw(b"null")


LIVE_FIELDS = frozenset(
    {
        "name",
        "prequeue_start_time",
        "event_start_time",
        "event_end_time",
        "new_users_per_minute",
        "burst",
        "total_active_users",
        "session_duration",
        "queue_all",
        "suspended",
        "claim_window_seconds",
        "first_hold_seconds",
        "session_max_minutes",
        "stock_factor",
        "hold_seconds",
        "hold_max_seconds",
        "max_units_per_buyer",
        "verify_amount",
        "late_payment",
        "return_origins",
        "message",
        "address_joins_per_minute",
        "address_joins_burst",
        "brand",
        "prevent_orphans",
        "released_channels",
    }
)

_OF_A_RUN = ("message", "queue_all", "suspended", "released_channels")
_DEFAULTS = {
    field.name: field.default for field in msgspec.structs.fields(SaleSpec) if not field.required
}
_decoder = msgspec.json.Decoder(SaleSpec)
_SHAPE = inspect.type_info(SaleSpec)


def split_body(body: SaleBody) -> tuple[SaleSpec, bytes | None]:
    """The spec, checked as a whole, and the plan's bytes if there is one."""
    spec = SaleSpec(**{name: getattr(body, name) for name in SaleSpec.__struct_fields__})
    plan = bytes(body.plan)
    return check_spec(spec), None if plan == b"null" else plan


def spec_to_json(spec: SaleSpec, *, over: bytes | None = None) -> bytes:
    """As the ledger keeps it; `over` is what it has kept so far of the same sale.

    A field with something that only a later version knows stays as it was unless it was changed
    here.
    """
    if over is None:
        return msgspec.json.encode(spec)
    kept = msgspec.json.decode(over, type=dict[str, msgspec.Raw])
    before = msgspec.to_builtins(spec_from_json(over))
    after = msgspec.to_builtins(spec).items()
    changed = {name: now for name, now in after if name not in kept or now != before[name]}
    return msgspec.json.encode(kept | changed)


def spec_from_json(text: bytes) -> SaleSpec:
    """As the ledger kept it, without what only a later version knows."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        known = _known_part(msgspec.json.decode(text), _SHAPE)
        return msgspec.convert(known, SaleSpec)


def _known_part(value: Any, shape: inspect.Type) -> Any:
    """The value without the fields that the structs of its shape do not have."""
    if isinstance(shape, inspect.UnionType):
        structs = [one for one in shape.types if isinstance(one, inspect.StructType)]
        return _known_part(value, structs[0]) if structs else value
    if isinstance(shape, inspect.StructType) and isinstance(value, dict):
        shapes = {field.encode_name: field.type for field in shape.fields}
        return {key: _known_part(one, shapes[key]) for key, one in value.items() if key in shapes}
    if isinstance(shape, inspect.VarTupleType) and isinstance(value, list):
        return [_known_part(one, shape.item_type) for one in value]
    return value


def patched_spec(spec: SaleSpec, changes: Mapping[str, object]) -> SaleSpec:
    """The spec with live fields changed; anything else is refused by name."""
    for name in changes:
        if name not in SaleSpec.__struct_fields__ and name != "plan":
            raise invalid(name, f"A sale has no field `{name}`.")
        if name not in LIVE_FIELDS:
            raise invalid(name, f"`{name}` is fixed once a sale exists; PUT replaces it.")
    changed = _with_changes(spec, changes)
    if not set(spec.released_channels) <= set(changed.released_channels):
        raise invalid("released_channels", "What has been released may be sold: it stays so.")
    return check_spec(changed)


def copied_spec(spec: SaleSpec, changes: Mapping[str, object], now: datetime) -> SaleSpec:
    """The spec of a new sale like this one, with any fields changed, and without what an operator
    has done while it ran: its message, its switches, the channels that were released.

    A copy whose start has passed would open at once: then the start must be given, if only as null.
    """
    for name in changes:
        if name not in SaleSpec.__struct_fields__:
            raise invalid(name, f"A sale has no field `{name}`.")
    fresh = {field: _DEFAULTS[field] for field in _OF_A_RUN}
    copied = _with_changes(msgspec.structs.replace(spec, **fresh), changes)
    start = copied.event_start_time
    if "event_start_time" not in changes and (start is None or start <= now):
        raise invalid("event_start_time", "Say when the copy starts; null opens it at once.")
    return check_spec(copied)


def _with_changes(spec: SaleSpec, changes: Mapping[str, object]) -> SaleSpec:
    """The spec with fields replaced, each of its type and within its bounds."""
    values = {**msgspec.to_builtins(spec), **changes}
    try:
        changed = msgspec.convert(values, SaleSpec)
        clean = cleaned(changed, only=changes)
        if clean is not changed:  # text may have another length in its normal form
            changed = msgspec.convert(msgspec.to_builtins(clean), SaleSpec)
    except msgspec.ValidationError as error:
        raise invalid(_field_of(error), f"{error}.") from error
    return changed


def check_spec(spec: SaleSpec) -> SaleSpec:
    """What fields must agree on among themselves."""
    _check_times(spec)
    if spec.draw_beacon is not None and spec.queueing_method != "random":
        raise invalid("draw_beacon", "Only a `queueing_method` of `random` draws anything.")
    if spec.hold_max_seconds < spec.hold_seconds:
        raise invalid("hold_max_seconds", "`hold_max_seconds` must be at least `hold_seconds`.")
    for origin in spec.return_origins:
        _check_origin(origin)
    known = {a.channel for a in spec.allotments} | {a.channel for a in spec.areas}
    for field in ("released_channels", "line_channels"):
        for channel in getattr(spec, field):
            if channel not in known:
                raise invalid(field, f"Nothing is set aside for {channel!r}.")
    for area_id, times in Counter(area.id for area in spec.areas).items():
        if times > 1:
            raise invalid("areas", f"Two areas have the id {area_id!r}.")
    return spec


def require_same_kind(before: SaleSpec, after: SaleSpec) -> None:
    """A test sale stays one, and a real one never becomes one: what was sold in it would change
    its meaning. Raises 400 naming `test`.
    """
    if before.test != after.test:
        raise invalid("test", "`test` is fixed when a sale is created; take another name.")


def check_prices(spec: SaleSpec, categories: Mapping[str, object] | frozenset[str]) -> None:
    """All that can be bought has a price, if only 0, or nothing has one and the sale is free of
    charge.
    """
    missing = sorted(set(categories) - set(spec.prices))
    if spec.prices and missing:
        raise invalid("prices", f"No price for the category {missing[0]!r}.")


def _check_times(spec: SaleSpec) -> None:
    prequeue, start, end = spec.prequeue_start_time, spec.event_start_time, spec.event_end_time
    for name in ("prequeue_start_time", "event_start_time", "event_end_time"):
        time = getattr(spec, name)
        if time is not None and not EARLIEST <= time <= LATEST:
            raise invalid(name, f"A time lies between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}.")
    if prequeue and start is None:
        raise invalid("event_start_time", "A pre-queue needs an `event_start_time`.")
    if prequeue and start and prequeue > start:
        raise invalid("prequeue_start_time", "The pre-queue must begin before the start.")
    if start and end and end <= start:
        raise invalid("event_end_time", "The end must come after the start.")


def _check_origin(origin: str) -> None:
    try:
        exact = parse_origin(origin)
    except ValueError as error:
        raise invalid(
            "return_origins", f"{error}; an origin is like https://shop.example."
        ) from None
    if origin != exact:
        raise invalid("return_origins", f"{origin!r} must be written {exact!r}.")


def _field_of(error: msgspec.ValidationError) -> str:
    """`Expected ... - at `$.burst`` names its field; the top level has none."""
    path = str(error).rpartition("$.")[2] if "$." in str(error) else ""
    return path.strip("`").partition("[")[0] or "body"
