"""The metrics of a sale's stock, holds and orders, and the housekeeping for them."""

from typing import Final

from holdfast_metrics.definitions.definition import OF_SALE

FIRST_HOLD_BUCKETS: Final = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
HOLD_OUTCOMES: Final = (
    "created", "again", "released", "extended", "seat_unavailable", "not_enough_together",
    "sold_out", "orphan_left", "hold_limit_exceeded", "channel_required", "pass_ended",
    "not_open", "sale_closed", "hold_released", "hold_lost", "idempotency_mismatch",
    "too_many_requests", "store_busy", "store_behind", "store_unavailable", "outcome_unknown",
)  # fmt: skip
ORDER_OUTCOMES: Final = (
    "confirmed", "again", "refunded", "hold_expired", "hold_released", "hold_lost",
    "unknown_hold", "hold_state", "not_owner", "amount_mismatch", "order_mismatch",
    "invalid_request", "conflict", "store_busy", "store_behind", "store_unavailable",
    "outcome_unknown", "ledger_unavailable",
)  # fmt: skip


class InventoryMetrics:
    """A sale's stock, holds and orders, and the housekeeping for them."""

    units = OF_SALE.gauge(
        "holdfast_units",
        "Seats and area units, by state: free, held, booked, blocked, withheld (free, but set "
        "aside).",
        "How much is left.",
        "units",
        state=("free", "held", "booked", "blocked", "withheld"),
    )
    funnel = OF_SALE.kept_counter(
        "holdfast_funnel_total",
        "How many came as far as a stage, since the sale began: joined, called, admitted and held "
        "(a first hold) are visitors, paying and confirmed are orders.",
        "Where buyers are lost on their way.",
        "visitors, orders",
        stage=("joined", "called", "admitted", "held", "paying", "confirmed"),
    )
    holds = OF_SALE.counter(
        "holdfast_holds_total",
        "Hold operations, by outcome: created, again, released, extended, or the refusal's code.",
        "Buyers who collide over seats, and those who find nothing.",
        "operations",
        outcome=HOLD_OUTCOMES,
    )
    expired_holds = OF_SALE.gauge(
        "holdfast_holds_expired",
        "Holds that ran out, by whichever call found them, as the store counts them.",
        "Carts that were left.",
        "holds",
    )
    first_hold_seconds = OF_SALE.histogram(
        "holdfast_first_hold_seconds",
        "Time from a visitor's admission to their first hold.",
        "How long a slot is taken by someone who is still choosing.",
        "seconds",
        FIRST_HOLD_BUCKETS,
    )
    oldest_hold = OF_SALE.gauge(
        "holdfast_oldest_hold_seconds",
        "Age of the oldest hold that is open, among the 200 that end next; 0 without one.",
        "Carts near their end, and holds that no sweep ends.",
        "seconds",
    )
    orders = OF_SALE.counter(
        "holdfast_orders_total",
        "Order operations, by outcome: confirmed, again, refunded, or the refusal's code.",
        "Payments that came too late or are not what was agreed.",
        "operations",
        outcome=ORDER_OUTCOMES,
    )
    orders_flagged = OF_SALE.counter(
        "holdfast_orders_flagged_total",
        "Orders flagged as abnormal, by flag.",
        "Each of them is somebody whose payment went another way than it should.",
        flag=("paid_unconfirmed", "confirm_slow", "amount_mismatch", "many_tickets", "paid_late"),
    )
    pending_orders = OF_SALE.gauge(
        "holdfast_ledger_pending_orders",
        "Orders whose payment has begun and not ended, as the ledger has them.",
        "Money on its way; a rising number means that confirms do not arrive.",
        "orders",
    )
    revenue = OF_SALE.counter(
        "holdfast_revenue_minor_total",
        "Totals of orders confirmed, in minor units of the currency.",
        "What is earned a minute; the exact sum is the ledger's.",
        "minor units",
        currency=(),
    )
    refunds = OF_SALE.counter(
        "holdfast_refunds_minor_total",
        "Amounts refunded, in minor units of the currency.",
        "What goes back, beside what is earned.",
        "minor units",
        currency=(),
    )
    sweep_lag = OF_SALE.gauge(
        "holdfast_sweep_lag_seconds",
        "By how much the hold that is overdue the longest is past its deadline; 0 when none is.",
        "Seats that nobody can buy although their hold is over.",
        "seconds",
    )
    checkpoint_age = OF_SALE.gauge(
        "holdfast_checkpoint_age_seconds",
        "Age of the line's last checkpoint in the ledger.",
        "What a rebuild after a loss of the store would go back to.",
        "seconds",
    )
    rebuilds = OF_SALE.kept_counter(
        "holdfast_rebuilds_total",
        "Times that the sale was written into the store anew: after a loss, or replaced by its "
        "operator before anybody joined.",
        "During a sale: the store has lost what it had acknowledged, and unpaid holds are gone.",
        "rebuilds",
    )
