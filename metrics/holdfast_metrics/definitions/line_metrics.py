"""The metrics of a sale's line: who joined, waits, was called and let in, and how long it took."""

from typing import Final

from holdfast_metrics.definitions.definition import OF_SALE

WAIT_BUCKETS: Final = (1.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 2400.0, 4800.0)
ERROR_BUCKETS: Final = (2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
ACTIONS: Final = (
    "create", "replace", "plan", "patch", "beacon", "open", "pause", "resume", "drain", "close",
)  # fmt: skip


class LineMetrics:
    """A sale's line: who joined, waits, was called and let in, and how long it took."""

    joins = OF_SALE.counter(
        "holdfast_joins_total",
        "Joins, by kind: line (a number), lobby (an index), admitted (at once), again (a live "
        "ticket), limited (refused: too many from one address).",
        "The size of the crowd and how fast it comes.",
        "joins",
        kind=("line", "lobby", "admitted", "again", "limited"),
    )
    passes = OF_SALE.counter(
        "holdfast_passes_total",
        "Claims, by outcome: issued, again (the same pass), waiting (not called, no token), "
        "expired, refused.",
        "Whether those who were called get in.",
        "claims",
        outcome=("issued", "again", "waiting", "expired", "refused"),
    )
    called = OF_SALE.kept_counter(
        "holdfast_called_total",
        "Visitors called since the sale began, as the store counts them.",
        "A line in which nobody is called stands still.",
        "visitors",
    )
    lapsed = OF_SALE.kept_counter(
        "holdfast_lapsed_total",
        "Called visitors who did not come in time, as the store counts them.",
        "Their share of the called tells how many have left the line.",
        "visitors",
    )
    deferred = OF_SALE.counter(
        "holdfast_deferred_total",
        "Claims of called visitors who were told to come again: no token, slot or stock, or a "
        "line that stands still.",
        "Many of them: more are called than can be let in.",
        "claims",
    )
    deferred_now = OF_SALE.gauge(
        "holdfast_deferred_visitors",
        "Called visitors who found no room and are coming again.",
        "They go before everybody else, so they are the next load of the shop.",
        "visitors",
    )
    waiting = OF_SALE.gauge(
        "holdfast_waiting",
        "Visitors in the line who have not been called.",
        "What an operator looks at first.",
        "visitors",
    )
    present = OF_SALE.gauge(
        "holdfast_present",
        "Of those waiting, visitors who asked for their place in the last whole window of 90 s.",
        "The rest have closed the page; the line is as long as this.",
        "visitors",
    )
    active = OF_SALE.gauge(
        "holdfast_active",
        "Admitted visitors whose session is running.",
        "The load of the shop.",
        "visitors",
    )
    active_max = OF_SALE.gauge(
        "holdfast_active_max",
        "The cap on active visitors that the operator has set.",
        "Where holdfast_active meets it, the cap limits admission and not the rate.",
        "visitors",
    )
    set_rate = OF_SALE.gauge(
        "holdfast_admission_rate_set_per_minute",
        "The rate the operator has set, in passes per minute.",
        "What the shop was promised.",
        "passes per minute",
    )
    realised_rate = OF_SALE.gauge(
        "holdfast_admission_rate_realised_per_minute",
        "The rate measured over the last minute, in passes per minute.",
        "Beside the set rate it says whether the promise is kept.",
        "passes per minute",
    )
    wait_seconds = OF_SALE.histogram(
        "holdfast_wait_seconds",
        "Time from join to admission, of each visitor let in; a lobby's wait for the start is in "
        "it.",
        "What visitors have really waited.",
        "seconds",
        WAIT_BUCKETS,
    )
    wait_estimate_error = OF_SALE.histogram(
        "holdfast_wait_estimate_error_seconds",
        "By how much the call of the last in line came earlier or later than promised when they "
        "joined; one is taken each 10 s.",
        "Whether visitors can rely on the wait that they are shown.",
        "seconds",
        ERROR_BUCKETS,
    )
    unused_sessions = OF_SALE.gauge(
        "holdfast_sessions_unused",
        "Sessions that gave up their slot to the line, having held nothing in "
        "`first_hold_seconds`.",
        "Many of them: buyers cannot find what they want.",
        "sessions",
    )
    sale_state = OF_SALE.gauge(
        "holdfast_sale_state",
        "1 for the state that the sale is in, 0 for the others.",
        "The timeline of a sale beside its curves.",
        state=("scheduled", "lobby", "open", "paused", "draining", "sold_out", "closed"),
    )
    sale_test = OF_SALE.gauge(
        "holdfast_sale_test",
        "1 for a test sale, in which nothing is really sold, 0 for a real one.",
        "Sums over sales leave test sales out by it, and no alert of a sale is about one.",
    )
    operator_changes = OF_SALE.counter(
        "holdfast_operator_changes_total",
        "Changes of a sale by its operator that were accepted, by action.",
        "What an operator did explains a bend in a curve.",
        "changes",
        action=ACTIONS,
    )
    clock_skew = OF_SALE.gauge(
        "holdfast_clock_skew_seconds",
        "By how much the sale's clock, which is the store's, is ahead of this host's; below 0: "
        "behind.",
        "Clocks that differ make passes valid too long or not long enough.",
        "seconds",
    )
