"""Maps the spec of a sale to the settings of line, waiting page and inventory.

The packages define the settings they need in their own units, and refuse values that they cannot
work with; this is the only module that knows all of them and the spec.
"""

from holdfast.sales.spec import SaleSpec
from holdfast_inventory.settings import Allotment, Area, InventorySettings, LatePayment
from holdfast_ledger import SaleRecord
from holdfast_lua.calls.sale import SaleTimes
from holdfast_queue.draw.commitment import AnnouncedStart, Draw
from holdfast_queue.line.brand import DEFAULT_COLOUR, Brand
from holdfast_queue.line.settings import InvalidSetting, LineSettings, QueueingMethod
from holdfast_queue.tokens.identities import IdentityMode
from holdfast_web.errors import invalid
from holdfast_web.timestamps import unix_ms


def line_settings(spec: SaleSpec) -> LineSettings:
    """The settings of the line; 400 naming the field when the line refuses it."""
    try:
        return LineSettings(
            queueing_method=QueueingMethod(spec.queueing_method),
            prequeue_start_ms=unix_ms(spec.prequeue_start_time),
            event_start_ms=unix_ms(spec.event_start_time),
            event_end_ms=unix_ms(spec.event_end_time),
            new_users_per_minute=spec.new_users_per_minute,
            burst=spec.burst,
            total_active_users=spec.total_active_users,
            session_ms=spec.session_duration * 60_000,
            queue_all=spec.queue_all,
            suspended=spec.suspended,
            claim_window_ms=spec.claim_window_seconds * 1000,
            first_hold_ms=spec.first_hold_seconds * 1000,
            session_max_ms=spec.session_max_minutes * 60_000,
            stock_factor=spec.stock_factor,
            return_origins=spec.return_origins,
            message=spec.message,
            identity=IdentityMode(spec.identity),
            address_joins_per_minute=spec.address_joins_per_minute,
            address_joins_burst=spec.address_joins_burst,
            test=spec.test,
        )
    except InvalidSetting as error:
        raise invalid(error.field, f"{error}.") from error


def inventory_settings(spec: SaleSpec) -> InventorySettings:
    """The settings of the inventory."""
    point = spec.focal_point
    return InventorySettings(
        currency=spec.currency,
        prices=spec.prices,
        areas=tuple(
            Area(a.id, a.name, a.capacity, a.category, a.channel or "") for a in spec.areas
        ),
        hold_ms=spec.hold_seconds * 1000,
        hold_max_ms=spec.hold_max_seconds * 1000,
        max_units_per_buyer=spec.max_units_per_buyer,
        verify_amount=spec.verify_amount,
        late_payment=LatePayment(spec.late_payment),
        prevent_orphans=spec.prevent_orphans,
        allotments=tuple(Allotment(a.channel, a.seats, a.zones) for a in spec.allotments),
        released=frozenset(spec.released_channels),
        line_channels=frozenset(spec.line_channels),
        focal_point=None if point is None else (point.x, point.y),
        test=spec.test,
    )


def brand(spec: SaleSpec) -> Brand:
    """The looks of the waiting page; 400 naming the field when it is refused."""
    try:
        return Brand(
            title=spec.name,
            name=spec.brand.name,
            colour=spec.brand.colour or DEFAULT_COLOUR,
            logo=spec.brand.logo,
            texts=spec.brand.texts,
            test=spec.test,
        )
    except InvalidSetting as error:
        raise invalid(error.field, f"{error}.") from error


def draw_of(record: SaleRecord, spec: SaleSpec) -> Draw | None:
    """The draw; None unless the sale is drawn."""
    if spec.queueing_method != "random":
        return None
    starts = tuple(AnnouncedStart(*pair) for pair in record.draw_starts)
    return Draw(record.uid, record.draw_secret, spec.draw_beacon, starts)


def sale_times(spec: SaleSpec) -> SaleTimes:
    """The times as the sale hash has them."""
    return SaleTimes(
        prequeue_ms=unix_ms(spec.prequeue_start_time),
        opens_ms=unix_ms(spec.event_start_time),
        ends_ms=unix_ms(spec.event_end_time),
    )
