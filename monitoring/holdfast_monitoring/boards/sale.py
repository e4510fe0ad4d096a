"""The dashboard *Sale*: one sale, for the person on duty."""

from functools import partial
from typing import Final

from holdfast_monitoring.expressions import (
    gauge,
    marking_test_sales,
    per_minute,
    per_second,
    quantiles,
    share,
    total,
)
from holdfast_monitoring.panel import Dashboard, Drawing, Panel, Row, Threshold, ValueFormat, number

STATES: Final = ("scheduled", "lobby", "open", "paused", "draining", "sold_out", "closed")
"""of a sale, as visitors see them; a panel shows their places in this order"""
STAGES: Final = ("joined", "called", "admitted", "held", "paying", "confirmed")
PAID_IN_VAIN: Final = "hold_expired|hold_released|hold_lost"
"""outcomes of a confirm after which the shop has to pay back, or did not ask in time"""
ALL_SALES: Final = 'sale=~"$sale"'


def _state() -> str:
    """The place of the current state in `STATES`."""
    parts = (
        f'{place} * holdfast_sale_state{{{ALL_SALES}, state="{state}"}}'
        for place, state in enumerate(STATES)
    )
    return f"max by (sale) (sum by (sale, instance) ({' or '.join(parts)}))"


def _sold_share() -> str:
    booked = gauge("holdfast_units", state="booked")
    return share(booked, f"sum by (sale) ({gauge('holdfast_units', by='sale, state')})")


def _of_sale(what: str, name: str, *shares: float) -> dict[str, str]:
    """Quantiles of one of the sale's histograms, over some minutes: admissions may be few."""
    how = {"by": "sale", "window": "5m", "matchers": f"{{{ALL_SALES}}}"}
    return quantiles(name, *shares, prefix=f"{what}, ", **how)


def _conversion(stage: str) -> str:
    """The share of the admitted visitors who reached `stage`."""
    name = "holdfast_funnel_total"
    return share(total(name, stage=stage), total(name, stage="admitted"))


def _time_to_sold_out() -> str:
    booked = f'holdfast_units{{{ALL_SALES}, state="booked"}}'
    return f"{gauge('holdfast_units', state='free')} / (max by (sale) (deriv({booked}[10m])) > 0)"


_figure: Final = partial(number, height=4)
_NOW: Final = Row(
    "Now",
    (
        _figure(
            "State",
            "What visitors see of the sale; a test sale is named so.",
            "what you expect it to be at this time.",
            {"{{sale}} {{kind}}": marking_test_sales(_state())},
            unit=ValueFormat.NONE,
            names=STATES,
        ),
        _figure(
            "Waiting",
            "Visitors in the line who have not been called.",
            "falling once the sale is open.",
            {"{{sale}}": gauge("holdfast_waiting")},
        ),
        _figure(
            "Admitted a minute",
            "Passes given in the last minute.",
            "the rate that is set, while there are people, slots and stock.",
            {"{{sale}}": gauge("holdfast_admission_rate_realised_per_minute")},
        ),
        _figure(
            "Sold",
            "Booked units as a share of all units of the plan.",
            "rising; 100% is sold out.",
            {"{{sale}}": _sold_share()},
            unit=ValueFormat.SHARE,
        ),
        _figure(
            "Time to sold out",
            "Free units divided by what was booked in a second over the last ten minutes.",
            "an end that you can tell the organiser.",
            {"{{sale}}": _time_to_sold_out()},
            unit=ValueFormat.DURATION,
            may_be_empty="nothing was sold in the last ten minutes",
        ),
        _figure(
            "Paid without a seat",
            "Confirms in the last hour that came too late or for a hold that was gone.",
            "0. Each one is somebody to pay back.",
            {
                # Increases are extrapolated; people are whole.
                "{{sale}}": "round(sum by (sale) (increase(holdfast_orders_total"
                f'{{{ALL_SALES}, outcome=~"{PAID_IN_VAIN}"}}[1h])))'
            },
            threshold=Threshold(1),
        ),
    ),
)

_LINE: Final = Row(
    "Line",
    (
        Panel(
            "Waiting, present and inside",
            "Who waits, who of them is still there, and who is inside.",
            "present near waiting, and waiting falling once the sale is open.",
            {
                "waiting": gauge("holdfast_waiting"),
                "present": gauge("holdfast_present"),
                "inside": gauge("holdfast_active"),
            },
        ),
        Panel(
            "Rate set and realised",
            "Passes a minute that the operator has set, and that were given.",
            "both lines on each other. Below: few claim, no slot is free, or nothing is left.",
            {
                "set": gauge("holdfast_admission_rate_set_per_minute"),
                "realised": gauge("holdfast_admission_rate_realised_per_minute"),
            },
        ),
        Panel(
            "Wait and promise",
            "The wait from join to admission of those admitted lately, and how far it was from the "
            "wait that the last in line was told.",
            "an error well below the wait itself.",
            {
                **_of_sale("wait", "holdfast_wait_seconds", 0.5, 0.9),
                **_of_sale("error", "holdfast_wait_estimate_error_seconds", 0.5, 0.9),
            },
            ValueFormat.SECONDS,
            may_be_empty="nobody was admitted lately",
        ),
    ),
)

_SHOP: Final = Row(
    "Shop",
    (
        Panel(
            "Funnel",
            "How many came to each stage since the sale began: visitors up to `held`, then orders.",
            "no stage that loses most of those before it.",
            {stage: total("holdfast_funnel_total", stage=stage) for stage in STAGES},
            drawing=Drawing.BARS,
        ),
        Panel(
            "Conversion",
            "Of those who were admitted, the share who held something, and who bought, so far.",
            "steady. A fall of the second alone points to the payment.",
            {
                "held": _conversion("held"),
                "bought": _conversion("confirmed"),
            },
            ValueFormat.SHARE,
        ),
        Panel(
            "Collisions",
            "The share of holds that found a seat taken.",
            "below a tenth; it grows by itself as little is left.",
            {
                "{{sale}}": share(
                    per_second("holdfast_holds_total", outcome="seat_unavailable"),
                    per_second("holdfast_holds_total", outcome="created|seat_unavailable"),
                )
            },
            ValueFormat.SHARE,
            threshold=Threshold(0.3),
        ),
        Panel(
            "Stock",
            "Seats and area units by state.",
            "booked grows; held does not take all that is left for long.",
            {"{{state}}": gauge("holdfast_units", by="state")},
            drawing=Drawing.STACKED,
        ),
        Panel(
            "Age of carts",
            "The age of the oldest open hold, and how long after admission the first hold comes.",
            "the oldest below `hold_seconds` and what may be added to it for paying.",
            {
                "oldest hold": gauge("holdfast_oldest_hold_seconds"),
                **_of_sale("first hold", "holdfast_first_hold_seconds", 0.5),
            },
            ValueFormat.SECONDS,
        ),
        Panel(
            "Revenue",
            "Confirmed and refunded amounts, in the minor unit of each currency.",
            "confirmed grows with what is booked; refunds are few.",
            {
                "confirmed {{currency}}": total("holdfast_revenue_minor_total", by="currency"),
                "refunded {{currency}}": total("holdfast_refunds_minor_total", by="currency"),
            },
        ),
        Panel(
            "Late and abnormal payments",
            "Confirms a minute that came too late, and orders that were flagged, by flag.",
            "nothing. Else read the inbox of the sale's orders.",
            {
                "{{outcome}}": per_minute(
                    "holdfast_orders_total", by="outcome", outcome=PAID_IN_VAIN
                ),
                "flag: {{flag}}": per_minute("holdfast_orders_flagged_total", by="flag"),
            },
            ValueFormat.PER_MINUTE,
        ),
        Panel(
            "State",
            "The sale's state over time.",
            "changes only where the operator or the stock made them.",
            {"{{sale}}": _state()},
            ValueFormat.NONE,
            Drawing.STATES,
            names=STATES,
        ),
        Panel(
            "Operators' changes",
            "Changes of the sale by its operators, by action; the vertical lines of all charts.",
            "changes that you know of.",
            {
                "{{action}}": "sum by (action) "
                f"(increase(holdfast_operator_changes_total{{{ALL_SALES}}}[$__rate_interval]))"
            },
        ),
    ),
)

SALE: Final = Dashboard(
    "sale",
    "Holdfast: Sale",
    "One sale, for the person on duty: how many wait, how fast they get in, what they buy.",
    (_NOW, _LINE, _SHOP),
    one_sale=True,
)
