"""The service level objectives, the ratios recorded for them and the alerts on their burn rates.

A burn rate of 1 uses the budget up in exactly its period. Two windows guard each alert, a long one
so that it is worth waking somebody, and one of a twelfth so that it ends soon after the trouble, as
in the workbook of Site Reliability Engineering, "Alerting on SLOs".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from holdfast_monitoring.rule import Recording, critical, warning

SLOW_SECONDS: Final = 0.25
"""A request that takes longer is slow; a bound of the buckets of `holdfast_request_seconds`."""
WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")


@dataclass(frozen=True)
class Objective:
    """A share of requests that may be bad; `bad` and `all` are PromQL with `%s` for the window."""

    name: str
    budget: float
    bad: str
    all: str


AVAILABILITY: Final = Objective(
    "error_ratio",
    0.001,
    'sum by (job) (rate(holdfast_requests_total{code=~"5.."}[%s]))',
    "sum by (job) (rate(holdfast_requests_total[%s]))",
)
LATENCY: Final = Objective(
    "slow_ratio",
    0.01,
    "sum by (job) (rate(holdfast_request_seconds_count[%s])) - "
    f'sum by (job) (rate(holdfast_request_seconds_bucket{{le="{SLOW_SECONDS}"}}[%s]))',
    "sum by (job) (rate(holdfast_request_seconds_count[%s]))",
)
OBJECTIVES: Final = (AVAILABILITY, LATENCY)


def recorded(objective: Objective, window: str) -> str:
    """The name of the series with the share of bad requests within `window`."""
    return f"job:holdfast_requests:{objective.name}_rate{window}"


def burn_rate(objective: Objective, window: str) -> str:
    """How many times faster than allowed the budget is used up within `window`."""
    return f"{recorded(objective, window)} / {objective.budget:g}"


def recordings() -> Iterator[Recording]:
    """The ratios by window; 0 without a request, so that a healthy service has a line."""
    for objective in OBJECTIVES:
        for window in WINDOWS:
            whole = objective.all.replace("%s", window)
            bad = objective.bad.replace("%s", window)
            yield Recording(
                recorded(objective, window),
                f"(({bad}) or 0 * {whole}) / clamp_min({whole}, 1e-9)",
            )


def _burning(objective: Objective, *pairs: tuple[str, str, float]) -> str:
    """True where a long and a short window both burn at a rate, for one of `pairs`."""
    return "\nor\n".join(
        f"({recorded(objective, long)} > {rate * objective.budget:g}"
        f" and {recorded(objective, short)} > {rate * objective.budget:g})"
        for long, short, rate in pairs
    )


_FAST: Final = (("1h", "5m", 14.4), ("6h", "30m", 6.0))
_SLOW: Final = (("3d", "6h", 1.0),)
"""Three times in a day and in two hours, as the workbook has it too, is never true without it."""

ALERTS: Final = (
    critical(
        "error_budget_burn_fast",
        "Requests fail so often that the error budget will be gone within hours.",
        _burning(AVAILABILITY, *_FAST),
        "2m",
    ),
    warning(
        "error_budget_burn_slow",
        "Requests have failed more often than allowed for days.",
        _burning(AVAILABILITY, *_SLOW),
        "15m",
    ),
    critical(
        "latency_budget_burn_fast",
        "So many requests are slow that the latency budget will be gone within hours.",
        _burning(LATENCY, *_FAST),
        "2m",
    ),
    warning(
        "latency_budget_burn_slow",
        "More requests than allowed have been slow for days.",
        _burning(LATENCY, *_SLOW),
        "15m",
    ),
)
