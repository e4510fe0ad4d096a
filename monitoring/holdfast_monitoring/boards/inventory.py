"""The dashboard *Inventory and ledger*: stock, holds and orders, and the two stores they are in."""

from typing import Final

from holdfast_monitoring.expressions import (
    gauge,
    mean,
    per_minute,
    quantile,
    quantiles,
    rate,
    total,
)
from holdfast_monitoring.panel import (
    Dashboard,
    Drawing,
    Panel,
    Row,
    Threshold,
    ValueFormat,
    number,
    yes_or_no,
)

_MATCHERS: Final = '{sale=~"$sale"}'


_STOCK: Final = Row(
    "Stock, holds and orders",
    (
        Panel(
            "Units",
            "Seats and area units by state, of the chosen sales together.",
            "booked grows, free falls; withheld is set aside.",
            {"{{state}}": f"sum by (state) ({gauge('holdfast_units', by='sale, state')})"},
            drawing=Drawing.STACKED,
        ),
        Panel(
            "Hold operations",
            "Hold operations a minute, by outcome: created, released, extended, or why refused.",
            "most are created; `seat_unavailable` grows as little is left.",
            {"{{outcome}}": per_minute("holdfast_holds_total", by="outcome")},
            ValueFormat.PER_MINUTE,
        ),
        Panel(
            "Holds that ran out",
            "Holds that ended by their time, in a minute.",
            "fewer than are created.",
            {
                "{{sale}}": "60 * sum by (sale) "
                f"(clamp_min(deriv(holdfast_holds_expired{_MATCHERS}[5m]), 0))"
            },
            ValueFormat.PER_MINUTE,
        ),
        Panel(
            "Order operations",
            "Confirms and refunds a minute, by outcome.",
            "confirmed; a refusal is rare.",
            {"{{outcome}}": per_minute("holdfast_orders_total", by="outcome")},
            ValueFormat.PER_MINUTE,
        ),
        Panel(
            "Revenue and refunds",
            "Confirmed and refunded amounts in the minor unit of the currency.",
            "refunds far below revenue.",
            {
                "{{sale}} confirmed {{currency}}": total(
                    "holdfast_revenue_minor_total", by="sale, currency"
                ),
                "{{sale}} refunded {{currency}}": total(
                    "holdfast_refunds_minor_total", by="sale, currency"
                ),
            },
        ),
        Panel(
            "Flagged orders",
            "Orders that were flagged as abnormal since the start, by flag.",
            "no more than you have looked at.",
            {"{{sale}} {{flag}}": total("holdfast_orders_flagged_total", by="sale, flag")},
            threshold=Threshold(1),
        ),
    ),
)

_LEDGER: Final = Row(
    "Ledger",
    (
        yes_or_no(
            "Takes writes",
            "Whether the ledger answers, and whether it takes writes, as each node sees it.",
            "yes.",
            {
                "answers {{instance}}": "min by (instance) (holdfast_ledger_up)",
                "writes {{instance}}": "min by (instance) (holdfast_ledger_writable)",
            },
        ),
        Panel(
            "Time of a commit",
            "Time of transactions that change orders and were committed.",
            "the 99th percentile below 100 ms.",
            quantiles("holdfast_ledger_seconds", 0.5, 0.99, matchers='{outcome="committed"}'),
            ValueFormat.SECONDS,
            width=10,
            threshold=Threshold(0.5),
            may_be_empty="nothing was committed lately",
        ),
        Panel(
            "Transactions",
            "Transactions a second, by outcome.",
            "committed. `conflict`: the guard against an oversell; `gone`: no answer.",
            {"{{outcome}}": rate("holdfast_ledger_seconds_count", by="outcome")},
            ValueFormat.PER_SECOND,
            width=10,
        ),
        Panel(
            "Orders in a transaction",
            "How many orders share one transaction.",
            "1 when little happens; more under load.",
            {"orders": mean("holdfast_ledger_batch_size")},
        ),
        Panel(
            "Connections in use",
            "Connections to the database that are in use, and the most there may be.",
            "below the most.",
            {
                "in use": "sum(holdfast_ledger_pool_in_use)",
                "at most": "sum(holdfast_ledger_pool_max)",
            },
        ),
        Panel(
            "Pending orders",
            "Orders whose payment has begun and has not ended, as the ledger has them.",
            "as many as people pay at once; it falls when they are done.",
            {"{{sale}}": gauge("holdfast_ledger_pending_orders")},
        ),
    ),
)

_STORE: Final = Row(
    "Store",
    (
        yes_or_no(
            "Answers",
            "Whether the store answers, as each node sees it.",
            "yes.",
            {"{{instance}}": "min by (instance) (holdfast_store_up)"},
        ),
        yes_or_no(
            "Last write to disk",
            "Whether the store's last write to its append-only file went well.",
            "yes.",
            {"written": "min(holdfast_store_last_aof_write_ok)"},
        ),
        Panel(
            "Time of a script",
            "99th percentile of the time of store scripts, with queueing and round trip.",
            "below 10 ms.",
            {"{{script}}": quantile(0.99, "holdfast_script_seconds", by="script")},
            ValueFormat.SECONDS,
            threshold=Threshold(0.1),
        ),
        Panel(
            "Script calls",
            "Script calls a second, by script.",
            "as many as joins, claims, holds and ticks ask for.",
            {"{{script}}": rate("holdfast_script_seconds_count", by="script")},
            ValueFormat.PER_SECOND,
        ),
        Panel(
            "Memory",
            "Memory of the store, and its bound where it has one.",
            "below 80% of the bound. The store must not evict keys.",
            {
                "in use": "max(holdfast_store_memory_bytes)",
                "at most": "max(holdfast_store_memory_max_bytes) > 0",
            },
            ValueFormat.BYTES,
            width=12,
        ),
        Panel(
            "Keys",
            "Keys in the store.",
            "grows with sales and those inside, and falls after them.",
            {"keys": "max(holdfast_store_keys)"},
            width=12,
        ),
        number(
            "Replicas",
            "Replicas that the store has.",
            "what you have set up.",
            {"replicas": "max(holdfast_store_replicas)"},
            unit=ValueFormat.NONE,
        ),
        Panel(
            "Replication lag",
            "How many bytes the replica that is furthest behind has not got yet.",
            "some kilobytes.",
            {"behind": "max(holdfast_store_replication_lag_bytes)"},
            ValueFormat.BYTES,
            width=10,
            threshold=Threshold(10 * 1024 * 1024),
        ),
        Panel(
            "Rebuilds",
            "Times that a sale was written into the store anew, after a loss or by an operator.",
            "0.",
            {"{{sale}}": total("holdfast_rebuilds_total")},
            width=10,
            threshold=Threshold(1),
        ),
    ),
)

INVENTORY_AND_LEDGER: Final = Dashboard(
    "inventory-and-ledger",
    "Holdfast: Inventory and ledger",
    "Stock, holds and orders, and the store and the ledger that keep them.",
    (_STOCK, _LEDGER, _STORE),
)
