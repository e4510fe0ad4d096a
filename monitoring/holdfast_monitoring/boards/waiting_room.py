"""The dashboard *Waiting room*: lines in detail."""

from typing import Final

from holdfast_monitoring.expressions import gauge, per_minute, per_second, quantiles, share
from holdfast_monitoring.panel import Dashboard, Panel, Row, Threshold, ValueFormat, quarter

_POLLS: Final = 'holdfast_requests_total{route="/v1/sales/{sale}/status"}'
_MATCHERS: Final = '{sale=~"$sale"}'


def _quantiles(name: str, *shares: float) -> dict[str, str]:
    """Quantiles over some minutes, since admissions may be few."""
    how = {"by": "sale", "window": "5m", "matchers": _MATCHERS}
    return quantiles(name, *shares, prefix="{{sale}} ", **how)


_ARRIVING: Final = Row(
    "Arriving",
    (
        Panel(
            "Joins",
            "Places taken in a minute, by kind: line, lobby, admitted at once, again.",
            "a steep rise at the announced start, then less and less.",
            {
                "{{sale}} {{kind}}": per_minute(
                    "holdfast_joins_total", by="sale, kind", kind="!limited"
                )
            },
            ValueFormat.PER_MINUTE,
        ),
        Panel(
            "Refused joins",
            "The share of joins that were refused because their address had taken many places.",
            "near 0. Much of it is a bot, or a network with one address for many people.",
            {
                "{{sale}}": share(
                    per_second("holdfast_joins_total", kind="limited"),
                    per_second("holdfast_joins_total"),
                )
            },
            ValueFormat.SHARE,
            threshold=Threshold(0.2),
        ),
        Panel(
            "Status polls",
            "Status documents a second that the service answered itself.",
            "far fewer than people waiting: a cache before it answers the most.",
            {"polls": f"sum(rate({_POLLS}[$__rate_interval]))"},
            ValueFormat.PER_SECOND,
        ),
    ),
)

_WAITING: Final = Row(
    "Waiting",
    (
        quarter(
            "Waiting",
            "Visitors in the line who have not been called.",
            "falling once the sale is open.",
            {"{{sale}}": gauge("holdfast_waiting")},
        ),
        quarter(
            "Still there",
            "The share of those waiting who asked for their place in the last 90 seconds.",
            "above one half. A sudden fall of all lines points to the network or to a cache.",
            {"{{sale}}": share(gauge("holdfast_present"), gauge("holdfast_waiting"))},
            unit=ValueFormat.SHARE,
        ),
        quarter(
            "Wait",
            "Time from join to admission of those admitted in the last minutes.",
            "what visitors were told, see the next panel.",
            _quantiles("holdfast_wait_seconds", 0.5, 0.9, 0.99),
            unit=ValueFormat.SECONDS,
            may_be_empty="nobody was admitted lately",
        ),
        quarter(
            "Error of the estimate",
            "By how much the last in line was called earlier or later than was told at the join.",
            "a median below a quarter of the wait.",
            _quantiles("holdfast_wait_estimate_error_seconds", 0.5, 0.9),
            unit=ValueFormat.SECONDS,
            may_be_empty="nobody was admitted lately",
        ),
    ),
)

_ADMITTING: Final = Row(
    "Letting in",
    (
        quarter(
            "Rate set and realised",
            "Passes a minute that the operator has set, and that were given.",
            "both on each other while people, slots and stock are there.",
            {
                "{{sale}} set": gauge("holdfast_admission_rate_set_per_minute"),
                "{{sale}} realised": gauge("holdfast_admission_rate_realised_per_minute"),
            },
            unit=ValueFormat.PER_MINUTE,
        ),
        quarter(
            "Called, lapsed, deferred",
            "Numbers called in a minute, calls that nobody answered in time, and claims that found"
            " no slot, token or stock and are answered later.",
            "called as the rate that is set; lapsed below a third of it.",
            {
                "{{sale}} called": per_minute("holdfast_called_total"),
                "{{sale}} lapsed": per_minute("holdfast_lapsed_total"),
                "{{sale}} deferred": per_minute("holdfast_deferred_total"),
            },
            unit=ValueFormat.PER_MINUTE,
        ),
        quarter(
            "Claims",
            "Claims a minute by outcome: issued, again, waiting, expired.",
            "most are issued.",
            {"{{sale}} {{outcome}}": per_minute("holdfast_passes_total", by="sale, outcome")},
            unit=ValueFormat.PER_MINUTE,
        ),
        quarter(
            "Called and without room",
            "Visitors who were called, found no token, slot or stock, and come again first.",
            "few; many are the next load of the shop.",
            {"{{sale}}": gauge("holdfast_deferred_visitors")},
        ),
        Panel(
            "Inside",
            "Sessions that are running, and the most there may be (no line without a cap).",
            "below the cap; at it the line goes as fast as people leave.",
            {
                "{{sale}} inside": gauge("holdfast_active"),
                "{{sale}} cap": gauge("holdfast_active_max") + " > 0",
            },
        ),
        Panel(
            "First hold",
            "Time from admission to the first hold of those who made one.",
            "well below `first_hold_seconds`.",
            _quantiles("holdfast_first_hold_seconds", 0.5, 0.9),
            ValueFormat.SECONDS,
            may_be_empty="nobody made a first hold lately",
        ),
        Panel(
            "Sessions given up",
            "Sessions that ended without a hold because somebody else wanted their slot.",
            "few, compared to those admitted.",
            {"{{sale}}": gauge("holdfast_sessions_unused")},
        ),
    ),
)

_CLOCKWORK: Final = Row(
    "Clockwork",
    (
        Panel(
            "Sweep lag",
            "By how much the hold that is overdue the longest is past its end.",
            "below a second or two.",
            {"{{sale}}": gauge("holdfast_sweep_lag_seconds")},
            ValueFormat.SECONDS,
            threshold=Threshold(10),
        ),
        Panel(
            "Age of the checkpoint",
            "Age of the last state of the line that the ledger has, for the loss of the store.",
            "below a minute while something moves.",
            {"{{sale}}": gauge("holdfast_checkpoint_age_seconds")},
            ValueFormat.SECONDS,
            threshold=Threshold(300),
        ),
        Panel(
            "Clock skew",
            "By how much the store's clock is ahead of the host's.",
            "within half a second of 0.",
            {"{{sale}} {{instance}}": gauge("holdfast_clock_skew_seconds", by="sale, instance")},
            ValueFormat.SECONDS,
            threshold=Threshold(1),
            from_zero=False,
        ),
    ),
)

WAITING_ROOM: Final = Dashboard(
    "waiting-room",
    "Holdfast: Waiting room",
    "Lines in detail: who joins, how long they wait, how they are let in.",
    (_ARRIVING, _WAITING, _ADMITTING, _CLOCKWORK),
)
