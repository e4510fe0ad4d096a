"""The dashboard *Inventory and ledger*: stock, holds and orders, and the two stores they are in."""

from typing import Final

from holdfast_monitoring.expressions import gauge, mean, per_minute, quantile, total
from holdfast_monitoring.panel import Dashboard, Drawing, Panel, Query, Row, Threshold, Unit

_MATCHERS: Final = '{sale=~"$sale"}'


def _commit(share_of_all: float) -> str:
    """A quantile of the time of committed transactions."""
    name = "holdfast_ledger_seconds"
    return quantile(share_of_all, name, matchers='{outcome="committed"}')


_STOCK: Final = Row(
    "Stock, holds and orders",
    (
        Panel(
            "Units",
            "Seats and area units by state, of the chosen sales together.",
            "booked grows, free falls; withheld is set aside.",
            (Query(f"sum by (state) ({gauge('holdfast_units', by='sale, state')})", "{{state}}"),),
            drawing=Drawing.STACKED,
        ),
        Panel(
            "Hold operations",
            "Hold operations a minute, by outcome: created, released, extended, or why refused.",
            "most are created; `seat_unavailable` grows as little is left.",
            (Query(per_minute("holdfast_holds_total", by="outcome"), "{{outcome}}"),),
            Unit.PER_MINUTE,
        ),
        Panel(
            "Holds that ran out",
            "Holds that ended by their time, in a minute.",
            "fewer than are created.",
            (
                Query(
                    f"60 * sum by (sale) (clamp_min(deriv(holdfast_holds_expired{_MATCHERS}[5m]),"
                    " 0))",
                    "{{sale}}",
                ),
            ),
            Unit.PER_MINUTE,
        ),
        Panel(
            "Order operations",
            "Confirms and refunds a minute, by outcome.",
            "confirmed; a refusal is rare.",
            (Query(per_minute("holdfast_orders_total", by="outcome"), "{{outcome}}"),),
            Unit.PER_MINUTE,
        ),
        Panel(
            "Revenue and refunds",
            "Confirmed and refunded amounts in the minor unit of the currency.",
            "refunds far below revenue.",
            (
                Query(
                    total("holdfast_revenue_minor_total", by="sale, currency"),
                    "{{sale}} confirmed {{currency}}",
                ),
                Query(
                    total("holdfast_refunds_minor_total", by="sale, currency"),
                    "{{sale}} refunded {{currency}}",
                ),
            ),
        ),
        Panel(
            "Flagged orders",
            "Orders that were flagged as abnormal since the start, by flag.",
            "no more than you have looked at.",
            (Query(total("holdfast_orders_flagged_total", by="sale, flag"), "{{sale}} {{flag}}"),),
            threshold=Threshold(1),
        ),
    ),
)

_LEDGER: Final = Row(
    "Ledger",
    (
        Panel(
            "Takes writes",
            "Whether the ledger answers, and whether it takes writes, as each node sees it.",
            "yes.",
            (
                Query("min by (instance) (holdfast_ledger_up)", "answers {{instance}}"),
                Query("min by (instance) (holdfast_ledger_writable)", "writes {{instance}}"),
            ),
            Unit.YES_NO,
            Drawing.NUMBER,
            width=4,
            threshold=Threshold(1, falling=True),
        ),
        Panel(
            "Time of a commit",
            "Time of transactions that change orders and were committed.",
            "the 99th percentile below 100 ms.",
            (
                Query(_commit(0.5), "median"),
                Query(_commit(0.99), "99 in 100"),
            ),
            Unit.SECONDS,
            width=10,
            threshold=Threshold(0.5),
            may_be_empty="nothing was committed lately",
        ),
        Panel(
            "Transactions",
            "Transactions a second, by outcome.",
            "committed. `conflict`: the guard against an oversell; `gone`: no answer.",
            (
                Query(
                    "sum by (outcome) (rate(holdfast_ledger_seconds_count[$__rate_interval]))",
                    "{{outcome}}",
                ),
            ),
            Unit.PER_SECOND,
            width=10,
        ),
        Panel(
            "Orders in a transaction",
            "How many orders share one transaction.",
            "1 when little happens; more under load.",
            (Query(mean("holdfast_ledger_batch_size"), "orders"),),
        ),
        Panel(
            "Connections in use",
            "Connections to the database that are in use, and the most there may be.",
            "below the most.",
            (
                Query("sum(holdfast_ledger_pool_in_use)", "in use"),
                Query("sum(holdfast_ledger_pool_max)", "at most"),
            ),
        ),
        Panel(
            "Pending orders",
            "Orders whose payment has begun and has not ended, as the ledger has them.",
            "as many as people pay at once; it falls when they are done.",
            (Query(gauge("holdfast_ledger_pending_orders"), "{{sale}}"),),
        ),
    ),
)

_STORE: Final = Row(
    "Store",
    (
        Panel(
            "Answers",
            "Whether the store answers, as each node sees it.",
            "yes.",
            (Query("min by (instance) (holdfast_store_up)", "{{instance}}"),),
            Unit.YES_NO,
            Drawing.NUMBER,
            width=4,
            threshold=Threshold(1, falling=True),
        ),
        Panel(
            "Last write to disk",
            "Whether the store's last write to its append-only file went well.",
            "yes.",
            (Query("min(holdfast_store_last_aof_write_ok)", "written"),),
            Unit.YES_NO,
            Drawing.NUMBER,
            width=4,
            threshold=Threshold(1, falling=True),
        ),
        Panel(
            "Time of a script",
            "99th percentile of the time of store scripts, with queueing and round trip.",
            "below 10 ms.",
            (Query(quantile(0.99, "holdfast_script_seconds", by="script"), "{{script}}"),),
            Unit.SECONDS,
            threshold=Threshold(0.1),
        ),
        Panel(
            "Script calls",
            "Script calls a second, by script.",
            "as many as joins, claims, holds and ticks ask for.",
            (
                Query(
                    "sum by (script) (rate(holdfast_script_seconds_count[$__rate_interval]))",
                    "{{script}}",
                ),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Memory",
            "Memory of the store, and its bound where it has one.",
            "below 80% of the bound. The store must not evict keys.",
            (
                Query("max(holdfast_store_memory_bytes)", "in use"),
                Query("max(holdfast_store_memory_max_bytes) > 0", "at most"),
            ),
            Unit.BYTES,
            width=12,
        ),
        Panel(
            "Keys",
            "Keys in the store.",
            "grows with sales and those inside, and falls after them.",
            (Query("max(holdfast_store_keys)", "keys"),),
            width=12,
        ),
        Panel(
            "Replicas",
            "Replicas that the store has.",
            "what you have set up.",
            (Query("max(holdfast_store_replicas)", "replicas"),),
            Unit.NONE,
            Drawing.NUMBER,
            width=4,
        ),
        Panel(
            "Replication lag",
            "How many bytes the replica that is furthest behind has not got yet.",
            "some kilobytes.",
            (Query("max(holdfast_store_replication_lag_bytes)", "behind"),),
            Unit.BYTES,
            width=10,
            threshold=Threshold(10 * 1024 * 1024),
        ),
        Panel(
            "Rebuilds",
            "Times that a sale was written into the store anew, after a loss or by an operator.",
            "0.",
            (Query(total("holdfast_rebuilds_total"), "{{sale}}"),),
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
