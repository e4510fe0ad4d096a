import re
from collections.abc import Iterator
from typing import Final

from holdfast_metrics.definitions.definition import Definition, MetricKind
from holdfast_metrics.manifest import MANIFEST
from holdfast_monitoring import slo
from holdfast_monitoring.alerts import ALERTS
from holdfast_monitoring.boards import DASHBOARDS
from holdfast_monitoring.expressions import names_in
from holdfast_monitoring.grafana import CHANGES

_SELECTOR: Final = re.compile(r"(?<![:\w])(?P<name>holdfast_\w+)(?:\{(?P<matchers>[^}]*)\})?")
_LABEL: Final = re.compile(r"(\w+)(=~|!~|!=|=)\"([^\"]*)\"")
SUFFIXES: Final = {
    MetricKind.COUNTER: ("",),
    MetricKind.GAUGE: ("",),
    MetricKind.HISTOGRAM: ("_bucket", "_sum", "_count"),
}
DEFINITIONS: Final[dict[str, Definition]] = {
    one.name + suffix: one for one in MANIFEST for suffix in SUFFIXES[one.kind]
}
OF_THE_SCRAPE: Final = {"job", "instance"}


def _expressions() -> Iterator[str]:
    yield CHANGES
    for board in DASHBOARDS:
        for panel in board.panels():
            yield from panel.queries.values()
    yield from (alert.expression for alert in ALERTS)
    yield from (one.expression for one in slo.recordings())


EXPRESSIONS: Final = sorted(set(_expressions()))


def wrong_selectors(expression: str) -> list[str]:
    """Selectors of an expression that no series of the service can match."""
    wrong = []
    for found in _SELECTOR.finditer(expression):
        definition = DEFINITIONS.get(found["name"])
        if definition is None:
            wrong.append(found["name"])
            continue
        for label, operator, value in _LABEL.findall(found["matchers"] or ""):
            if not _can_match(definition, label, operator, value):
                wrong.append(f"{found['name']}: {label}{operator}{value}")
    return wrong


def _can_match(definition: Definition, label: str, operator: str, value: str) -> bool:
    if label == "le":
        return float(value) in definition.buckets
    if label not in definition.labels:
        return False
    if label == "sale" or not definition.values:
        return True
    place = [one for one in definition.labels if one != "sale"].index(label)
    known = {values[place] for values in definition.values}
    return set(value.split("|")) <= known if "~" in operator else value in known


def counted_twice(expression: str) -> list[str]:
    """Counters that every node shows with the same value and that are added up over nodes."""
    return [
        found["name"]
        for found in re.finditer(
            r"sum(?: by \([\w, ]+\))? \((?:\w+\()?(?P<name>holdfast_\w+)", expression
        )
        if DEFINITIONS[found["name"]].kept_elsewhere and DEFINITIONS[found["name"]].of_sale
    ]


def test_expressions_select_what_the_service_shows() -> None:
    wrong = {text: found for text in EXPRESSIONS if (found := wrong_selectors(text))}
    assert wrong == {}


def test_nodes_are_not_counted_twice() -> None:
    assert {text: found for text in EXPRESSIONS if (found := counted_twice(text))} == {}


def test_wrong_selectors_are_found() -> None:
    assert wrong_selectors("holdfast_wating") == ["holdfast_wating"]
    assert wrong_selectors("holdfast_wait_seconds") == ["holdfast_wait_seconds"]
    assert wrong_selectors('holdfast_units{state="fre"}') == ["holdfast_units: state=fre"]
    assert wrong_selectors('holdfast_waiting{state="free"}') == ["holdfast_waiting: state=free"]
    assert wrong_selectors('holdfast_request_seconds_bucket{le="0.3"}') == [
        "holdfast_request_seconds_bucket: le=0.3"
    ]
    assert wrong_selectors('holdfast_orders_total{outcome=~"confirmed|sold"}') == [
        "holdfast_orders_total: outcome=~confirmed|sold"
    ]


def test_counter_that_all_nodes_show_is_not_added_up() -> None:
    assert counted_twice("sum by (sale) (rate(holdfast_called_total[1m]))") == [
        "holdfast_called_total"
    ]
    assert counted_twice("max by (sale) (rate(holdfast_called_total[1m]))") == []


def test_recorded_series_that_are_read_are_recorded() -> None:
    recorded = {one.name for one in slo.recordings()}
    read = {name for text in EXPRESSIONS for name in names_in(text) if ":" in name}
    assert read
    assert read <= recorded


def test_every_metric_stands_in_a_panel() -> None:
    """What nobody looks at need not be measured."""
    shown = {
        DEFINITIONS[name].name
        for board in DASHBOARDS
        for panel in board.panels()
        for expression in panel.queries.values()
        for name in names_in(expression)
        if name in DEFINITIONS
    }
    assert {one.name for one in MANIFEST} - shown == set()
