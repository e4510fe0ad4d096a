"""Parts of PromQL expressions that many panels and alerts have in common.

Every node shows the gauges of a sale, and the counters that the store keeps, with the same value:
the largest of them is taken. Other counters are what each node has counted itself, and are added
up. Which is which says the list of metrics.
"""

import re
from typing import Final

from holdfast_metrics.manifest import MANIFEST

_NAME: Final = re.compile(r"\b(?:holdfast_\w+|\w+:holdfast_\w+:\w+)\b")
RATE_WINDOW: Final = "$__rate_interval"
"""as long as Grafana finds right for the range that is shown and the interval of scrapes"""


_LEGENDS: Final = {0.5: "median", 0.9: "9 in 10", 0.99: "99 in 100"}
_KEPT_ELSEWHERE: Final = {one.name for one in MANIFEST if one.kept_elsewhere}


def total(name: str, *, by: str = "sale", **labels: str) -> str:
    """The value of a sale's counter."""
    return f"{_over_nodes(name)} by ({by}) ({name}{_matchers(labels)})"


def gauge(name: str, *, by: str = "sale", **labels: str) -> str:
    """The value of a sale's gauge, one series for each value of `by`."""
    return f"max by ({by}) ({name}{_matchers(labels)})"


def per_second(name: str, *, by: str = "sale", window: str = RATE_WINDOW, **labels: str) -> str:
    """How much a sale's counter grows in a second."""
    return f"{_over_nodes(name)} by ({by}) (rate({name}{_matchers(labels)}[{window}]))"


def per_minute(name: str, *, by: str = "sale", **labels: str) -> str:
    """How much a sale's counter grows in a minute."""
    return f"60 * {per_second(name, by=by, **labels)}"


def rate(counter: str, *, by: str, window: str = RATE_WINDOW) -> str:
    """How much a counter of the service, whose selector is given, grows in a second."""
    return f"sum by ({by}) (rate({counter}[{window}]))"


def ratio(part: str, whole: str) -> str:
    """The part divided by the whole; 0 where the part has no series or the whole is 0."""
    return f"({part} or 0 * {whole}) / clamp_min({whole}, 1e-9)"


def quantile(
    share: float, name: str, *, by: str = "", window: str = RATE_WINDOW, matchers: str = ""
) -> str:
    """A quantile of what a histogram observed within `window`."""
    labels = ", ".join(filter(None, ("le", by)))
    return (
        f"histogram_quantile({share:g}, "
        f"sum by ({labels}) (rate({name}_bucket{matchers}[{window}])))"
    )


def quantiles(
    name: str, *shares: float, prefix: str = "", window: str = RATE_WINDOW, **how: str
) -> dict[str, str]:
    """Quantiles of what a histogram observed, by legends such as `9 in 10`."""
    return {
        prefix + _LEGENDS[share]: quantile(share, name, window=window, **how) for share in shares
    }


def mean(name: str) -> str:
    """The mean of what a histogram without labels observed; 0 while it observes nothing."""
    count = f"sum(rate({name}_count[{RATE_WINDOW}]))"
    return f"sum(rate({name}_sum[{RATE_WINDOW}])) / clamp_min({count}, 1e-9)"


def share(part: str, whole: str) -> str:
    """What part of a whole it is: 0 while nothing happens; never above 1, though numbers that are
    read at different moments may contradict each other.
    """
    return f"clamp_max(({part}) / clamp_min({whole}, 1e-9), 1)"


_TESTS: Final = "(max by (sale) (holdfast_sale_test) == 1)"


def of_real_sales(expression: str) -> str:
    """What an expression says of sales that are no test sales."""
    return f"({expression})\nunless on (sale) {_TESTS}"


def marking_test_sales(expression: str) -> str:
    """An expression with the label `kind`, which says of a test sale that it is one."""
    tests = f"({expression}) and on (sale) {_TESTS}"
    return f'{of_real_sales(expression)}\nor label_replace({tests}, "kind", "test sale", "", "")'


def names_in(expression: str) -> set[str]:
    """The metrics, and recorded series, that an expression reads."""
    return set(_NAME.findall(expression))


def _over_nodes(counter: str) -> str:
    """Combines the values of several nodes."""
    return "max" if counter in _KEPT_ELSEWHERE else "sum"


def _matchers(labels: dict[str, str]) -> str:
    """`sale=~"$sale"` and the patterns of `labels`; one that begins with `!` must not match."""
    parts = ['sale=~"$sale"']
    for label, pattern in labels.items():
        operator = "!~" if pattern.startswith("!") else "=~"
        parts.append(f'{label}{operator}"{pattern.removeprefix("!")}"')
    return "{" + ", ".join(parts) + "}"
