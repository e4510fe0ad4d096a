"""Alerts about one sale: its line, its payments, its orders. Test sales fire none of them."""

from dataclasses import replace
from typing import Final

from holdfast_monitoring.boards.sale import PAID_IN_VAIN
from holdfast_monitoring.expressions import of_real_sales
from holdfast_monitoring.rule import critical, warning

_OPEN: Final = 'max by (sale) (holdfast_sale_state{state="open"}) == 1'
_SET: Final = "max by (sale) (holdfast_admission_rate_set_per_minute)"
_REALISED: Final = "max by (sale) (holdfast_admission_rate_realised_per_minute)"
_WAITING: Final = "max by (sale) (holdfast_waiting)"
_ACTIVE: Final = "max by (sale) (holdfast_active)"
_STOCK_LEFT: Final = f'max by (sale) (holdfast_units{{state="free"}}) > {_ACTIVE}'
"""more is free than people are inside: none of it is kept for them"""
_FULL: Final = f"{_ACTIVE} >= (max by (sale) (holdfast_active_max) > 0)"
"""every slot is taken; there is no bound where the maximum is 0"""
_ABLE: Final = f"and on (sale) ({_OPEN})\nand on (sale) ({_STOCK_LEFT})\nunless on (sale) ({_FULL})"
"""with which a line should move"""


def _median(histogram: str) -> str:
    rate = f"sum by (le, sale) (rate({histogram}_bucket[10m]))"
    return f"histogram_quantile(0.5, {rate})"


_OF_A_SALE: Final = (
    critical(
        "line_stalled",
        "{{ $labels.sale }}: nobody was called for two minutes, and {{ $value | humanize }} wait.",
        f"({_WAITING} > 0)\n"
        "and on (sale) (max by (sale) (increase(holdfast_called_total[2m])) == 0)\n"
        f"and on (sale) ({_SET} > 0)\n{_ABLE}",
        "1m",
    ),
    warning(
        "rate_off",
        "{{ $labels.sale }} lets {{ $value | humanize }} in a minute, not the rate that is set.",
        f"({_REALISED} < 0.7 * {_SET}\nand on (sale) ({_WAITING} > {_SET})\n{_ABLE})\n"
        f"or ({_REALISED} > 1.3 * {_SET} + 10)",
        "5m",
    ),
    warning(
        "wait_estimate_off",
        "Waits that visitors of {{ $labels.sale }} are told are off by {{ $value | humanize }} s.",
        f"({_median('holdfast_wait_estimate_error_seconds')} > 60)\n"
        f"and on (sale) ({_median('holdfast_wait_estimate_error_seconds')}\n"
        f"> 0.5 * {_median('holdfast_wait_seconds')})",
        "10m",
    ),
    warning(
        "sweep_lag",
        "What runs out in {{ $labels.sale }} is swept up {{ $value | humanize }} s late.",
        "max by (sale) (holdfast_sweep_lag_seconds) > 10",
        "1m",
    ),
    warning(
        "checkpoint_old",
        "The ledger has the line of {{ $labels.sale }} as it was {{ $value | humanize }} s ago.",
        "(max by (sale) (holdfast_checkpoint_age_seconds) > 300)\n"
        "and on (sale) (sum by (sale) (increase(holdfast_joins_total[5m])) > 0)",
        "5m",
    ),
    critical(
        "payment_without_seat",
        "Somebody paid in {{ $labels.sale }} and has no seat.",
        f'sum by (sale) (increase(holdfast_orders_total{{outcome=~"{PAID_IN_VAIN}"}}[10m])) > 0',
    ),
    warning(
        "orders_flagged",
        "Orders of {{ $labels.sale }} were flagged: {{ $labels.flag }}.",
        "sum by (sale, flag) (increase(holdfast_orders_flagged_total[10m])) > 0",
    ),
    warning(
        "orders_pending",
        "{{ $labels.sale }} has {{ $value | humanize }} payments that began, and none that ended.",
        "(max by (sale) (holdfast_ledger_pending_orders) >= 5)\n"
        "and on (sale) "
        '(sum by (sale) (increase(holdfast_orders_total{outcome="confirmed"}[10m])) == 0)',
        "5m",
    ),
)
_OF_THE_LEDGER: Final = (
    warning(
        "oversell_guard_hit",
        "The ledger refused to sell something twice.",
        'sum by (job) (increase(holdfast_ledger_seconds_count{outcome="conflict"}[10m])) > 0',
    ),
)
ALERTS: Final = (
    *(replace(alert, expression=of_real_sales(alert.expression)) for alert in _OF_A_SALE),
    *_OF_THE_LEDGER,
)
