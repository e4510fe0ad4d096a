"""The metrics of a sale's line: who joined, waits, was called and let in, and how long it took."""

from typing import Final

from holdfast_metrics.definitions.definition import Definition, MetricKind, OverWorkers, each

WAIT_BUCKETS: Final = (1.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 2400.0, 4800.0)
ERROR_BUCKETS: Final = (2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)

JOINS: Final = Definition(
    "holdfast_joins_total",
    MetricKind.COUNTER,
    "Joins, by kind: line (a number), lobby (an index), admitted (at once), again (a live ticket), "
    "limited (refused: too many from one address).",
    "The size of the crowd and how fast it comes.",
    ("sale", "kind"),
    "joins",
    values=each("line", "lobby", "admitted", "again", "limited"),
)
PASSES: Final = Definition(
    "holdfast_passes_total",
    MetricKind.COUNTER,
    "Claims, by outcome: issued, again (the same pass), waiting (not called, no token), expired, "
    "refused.",
    "Whether those who were called get in.",
    ("sale", "outcome"),
    "claims",
    values=each("issued", "again", "waiting", "expired", "refused"),
)
CALLED: Final = Definition(
    "holdfast_called_total",
    MetricKind.COUNTER,
    "Visitors called since the sale began, as the store counts them.",
    "A line in which nobody is called stands still.",
    ("sale",),
    "visitors",
    over_workers=OverWorkers.LARGEST,
)
LAPSED: Final = Definition(
    "holdfast_lapsed_total",
    MetricKind.COUNTER,
    "Called visitors who did not come in time, as the store counts them.",
    "Their share of the called tells how many have left the line.",
    ("sale",),
    "visitors",
    over_workers=OverWorkers.LARGEST,
)
DEFERRED: Final = Definition(
    "holdfast_deferred_total",
    MetricKind.COUNTER,
    "Claims of called visitors who were told to come again: no token, slot or stock, or a line that"
    " stands still.",
    "Many of them: more are called than can be let in.",
    ("sale",),
    "claims",
)
DEFERRED_NOW: Final = Definition(
    "holdfast_deferred_visitors",
    MetricKind.GAUGE,
    "Called visitors who found no room and are coming again.",
    "They go before everybody else, so they are the next load of the shop.",
    ("sale",),
    "visitors",
)
WAITING: Final = Definition(
    "holdfast_waiting",
    MetricKind.GAUGE,
    "Visitors in the line who have not been called.",
    "What an operator looks at first.",
    ("sale",),
    "visitors",
)
PRESENT: Final = Definition(
    "holdfast_present",
    MetricKind.GAUGE,
    "Of those waiting, visitors who asked for their place in the last whole window of 90 s.",
    "The rest have closed the page; the line is as long as this.",
    ("sale",),
    "visitors",
)
ACTIVE: Final = Definition(
    "holdfast_active",
    MetricKind.GAUGE,
    "Admitted visitors whose session is running.",
    "The load of the shop.",
    ("sale",),
    "visitors",
)
ACTIVE_MAX: Final = Definition(
    "holdfast_active_max",
    MetricKind.GAUGE,
    "The cap on active visitors that the operator has set.",
    "Where holdfast_active meets it, the cap limits admission and not the rate.",
    ("sale",),
    "visitors",
)
SET_RATE: Final = Definition(
    "holdfast_admission_rate_set_per_minute",
    MetricKind.GAUGE,
    "The rate the operator has set, in passes per minute.",
    "What the shop was promised.",
    ("sale",),
    "passes per minute",
)
REALISED_RATE: Final = Definition(
    "holdfast_admission_rate_realised_per_minute",
    MetricKind.GAUGE,
    "The rate measured over the last minute, in passes per minute.",
    "Beside the set rate it says whether the promise is kept.",
    ("sale",),
    "passes per minute",
)
WAIT_SECONDS: Final = Definition(
    "holdfast_wait_seconds",
    MetricKind.HISTOGRAM,
    "Time from join to admission, of each visitor let in; a lobby's wait for the start is in it.",
    "What visitors have really waited.",
    ("sale",),
    "seconds",
    WAIT_BUCKETS,
)
WAIT_ESTIMATE_ERROR: Final = Definition(
    "holdfast_wait_estimate_error_seconds",
    MetricKind.HISTOGRAM,
    "By how much the call of the last in line came earlier or later than promised when they joined;"
    " one is taken each 10 s.",
    "Whether visitors can rely on the wait that they are shown.",
    ("sale",),
    "seconds",
    ERROR_BUCKETS,
)
UNUSED_SESSIONS: Final = Definition(
    "holdfast_sessions_unused",
    MetricKind.GAUGE,
    "Sessions that gave up their slot to the line, having held nothing in `first_hold_seconds`.",
    "Many of them: buyers cannot find what they want.",
    ("sale",),
    "sessions",
)
SALE_STATE: Final = Definition(
    "holdfast_sale_state",
    MetricKind.GAUGE,
    "1 for the state that the sale is in, 0 for the others.",
    "The timeline of a sale beside its curves.",
    ("sale", "state"),
    values=each("scheduled", "lobby", "open", "paused", "draining", "sold_out", "closed"),
)
SALE_TEST: Final = Definition(
    "holdfast_sale_test",
    MetricKind.GAUGE,
    "1 for a test sale, in which nothing is really sold, 0 for a real one.",
    "Sums over sales leave test sales out by it, and no alert of a sale is about one.",
    ("sale",),
)
OPERATOR_CHANGES: Final = Definition(
    "holdfast_operator_changes_total",
    MetricKind.COUNTER,
    "Changes of a sale by its operator that were accepted, by action.",
    "What an operator did explains a bend in a curve.",
    ("sale", "action"),
    "changes",
    values=each(
        "create", "replace", "plan", "patch", "beacon", "open", "pause", "resume", "drain", "close"
    ),
)
CLOCK_SKEW: Final = Definition(
    "holdfast_clock_skew_seconds",
    MetricKind.GAUGE,
    "By how much the sale's clock, which is the store's, is ahead of this host's; below 0: behind.",
    "Clocks that differ make passes valid too long or not long enough.",
    ("sale",),
    "seconds",
)

LINE_METRICS: Final = (
    JOINS,
    PASSES,
    CALLED,
    LAPSED,
    DEFERRED,
    DEFERRED_NOW,
    WAITING,
    PRESENT,
    ACTIVE,
    ACTIVE_MAX,
    SET_RATE,
    REALISED_RATE,
    WAIT_SECONDS,
    WAIT_ESTIMATE_ERROR,
    UNUSED_SESSIONS,
    SALE_STATE,
    SALE_TEST,
    OPERATOR_CHANGES,
    CLOCK_SKEW,
)
