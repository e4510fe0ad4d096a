"""The metrics of a sale's stock, holds and orders, and of the housekeeping for them."""

from typing import Final

from holdfast_metrics.definitions.definition import Definition, MetricKind, OverWorkers, each

FIRST_HOLD_BUCKETS: Final = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)

UNITS: Final = Definition(
    "holdfast_units",
    MetricKind.GAUGE,
    "Seats and area units, by state: free, held, booked, blocked, withheld (free, but set aside).",
    "How much is left.",
    ("sale", "state"),
    "units",
    values=each("free", "held", "booked", "blocked", "withheld"),
)
FUNNEL: Final = Definition(
    "holdfast_funnel_total",
    MetricKind.COUNTER,
    "How many came as far as a stage, since the sale began: joined, called, admitted and held (a "
    "first hold) are visitors, paying and confirmed are orders.",
    "Where buyers are lost on their way.",
    ("sale", "stage"),
    "visitors, orders",
    values=each("joined", "called", "admitted", "held", "paying", "confirmed"),
    over_workers=OverWorkers.LARGEST,
)
HOLDS: Final = Definition(
    "holdfast_holds_total",
    MetricKind.COUNTER,
    "Hold operations, by outcome: created, again, released, extended, or the refusal's code.",
    "Buyers who collide over seats, and those who find nothing.",
    ("sale", "outcome"),
    "operations",
    values=each(
        "created", "again", "released", "extended", "seat_unavailable", "not_enough_together",
        "sold_out", "orphan_left", "hold_limit_exceeded", "channel_required", "pass_ended",
        "not_open", "sale_closed", "hold_released", "hold_lost", "idempotency_mismatch",
        "too_many_requests", "store_busy", "store_behind", "store_unavailable", "outcome_unknown",
    ),
)  # fmt: skip
EXPIRED_HOLDS: Final = Definition(
    "holdfast_holds_expired",
    MetricKind.GAUGE,
    "Holds that ran out, by whichever call found them, as the store counts them.",
    "Carts that were left.",
    ("sale",),
    "holds",
)
FIRST_HOLD_SECONDS: Final = Definition(
    "holdfast_first_hold_seconds",
    MetricKind.HISTOGRAM,
    "Time from a visitor's admission to their first hold.",
    "How long a slot is taken by someone who is still choosing.",
    ("sale",),
    "seconds",
    FIRST_HOLD_BUCKETS,
)
OLDEST_HOLD: Final = Definition(
    "holdfast_oldest_hold_seconds",
    MetricKind.GAUGE,
    "Age of the oldest hold that is open, among the 200 that end next; 0 without one.",
    "Carts near their end, and holds that no sweep ends.",
    ("sale",),
    "seconds",
)
ORDERS: Final = Definition(
    "holdfast_orders_total",
    MetricKind.COUNTER,
    "Order operations, by outcome: confirmed, again, refunded, or the refusal's code.",
    "Payments that came too late or are not what was agreed.",
    ("sale", "outcome"),
    "operations",
    values=each(
        "confirmed", "again", "refunded", "hold_expired", "hold_released", "hold_lost",
        "unknown_hold", "hold_state", "not_owner", "amount_mismatch", "order_mismatch",
        "invalid_request", "conflict", "store_busy", "store_behind", "store_unavailable",
        "outcome_unknown", "ledger_unavailable",
    ),
)  # fmt: skip
ORDERS_FLAGGED: Final = Definition(
    "holdfast_orders_flagged_total",
    MetricKind.COUNTER,
    "Orders flagged as abnormal, by flag.",
    "Each of them is somebody whose payment went another way than it should.",
    ("sale", "flag"),
    values=each("paid_unconfirmed", "confirm_slow", "amount_mismatch", "many_tickets", "paid_late"),
)
PENDING_ORDERS: Final = Definition(
    "holdfast_ledger_pending_orders",
    MetricKind.GAUGE,
    "Orders whose payment has begun and not ended, as the ledger has them.",
    "Money on its way; a rising number means that confirms do not arrive.",
    ("sale",),
    "orders",
)
REVENUE: Final = Definition(
    "holdfast_revenue_minor_total",
    MetricKind.COUNTER,
    "Totals of orders confirmed, in minor units of the currency.",
    "What is earned a minute; the exact sum is the ledger's.",
    ("sale", "currency"),
    "minor units",
)
REFUNDS: Final = Definition(
    "holdfast_refunds_minor_total",
    MetricKind.COUNTER,
    "Amounts refunded, in minor units of the currency.",
    "What goes back, beside what is earned.",
    ("sale", "currency"),
    "minor units",
)
SWEEP_LAG: Final = Definition(
    "holdfast_sweep_lag_seconds",
    MetricKind.GAUGE,
    "By how much the hold that is overdue the longest is past its deadline; 0 when none is.",
    "Seats that nobody can buy although their hold is over.",
    ("sale",),
    "seconds",
)
CHECKPOINT_AGE: Final = Definition(
    "holdfast_checkpoint_age_seconds",
    MetricKind.GAUGE,
    "Age of the line's last checkpoint in the ledger.",
    "What a rebuild after a loss of the store would go back to.",
    ("sale",),
    "seconds",
)
REBUILDS: Final = Definition(
    "holdfast_rebuilds_total",
    MetricKind.COUNTER,
    "Times that the sale was written into the store anew: after a loss, or replaced by its operator"
    " before anybody joined.",
    "During a sale: the store has lost what it had acknowledged, and unpaid holds are gone.",
    ("sale",),
    "rebuilds",
    over_workers=OverWorkers.LARGEST,
)

INVENTORY_METRICS: Final = (
    UNITS,
    FUNNEL,
    HOLDS,
    EXPIRED_HOLDS,
    FIRST_HOLD_SECONDS,
    OLDEST_HOLD,
    ORDERS,
    ORDERS_FLAGGED,
    PENDING_ORDERS,
    REVENUE,
    REFUNDS,
    SWEEP_LAG,
    CHECKPOINT_AGE,
    REBUILDS,
)
