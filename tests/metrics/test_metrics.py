import re
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from holdfast_metrics.counts import LabelledCounter, Tally
from holdfast_metrics.definitions.definition import Definition, MetricKind
from holdfast_metrics.exposition import exposition
from holdfast_metrics.library import BulkHistogram
from holdfast_metrics.manifest import MANIFEST, declared_metrics
from holdfast_metrics.metrics import Metrics


def samples(text: str) -> dict[str, float]:
    """`name{label="value"}` to value, without the creation times."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{key}="{sample.labels[key]}"' for key in sorted(sample.labels))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def read(metrics: Metrics) -> dict[str, float]:
    metrics.flush()
    return samples(exposition(metrics)[0].decode())


@pytest.mark.parametrize("definition", MANIFEST, ids=lambda definition: definition.name)
def test_definition_follows_the_conventions(definition: Definition) -> None:
    assert re.fullmatch(r"holdfast_[a-z_]+", definition.name)
    assert definition.name.endswith("_total") == (definition.kind is MetricKind.COUNTER)
    assert definition.help.endswith(".")
    assert definition.why.endswith(".")
    further = [label for label in definition.labels if label != "sale"]
    assert all(len(values) == len(further) for values in definition.values)
    assert bool(definition.buckets) == (definition.kind is MetricKind.HISTOGRAM)
    assert list(definition.buckets) == sorted(set(definition.buckets))
    bounded = {
        "sale",
        "kind",
        "outcome",
        "state",
        "script",
        "route",
        "method",
        "code",
        "reason",
        "priority",
        "stage",
        "action",
        "currency",
        "worker",
        "version",
        "python",
        "flag",
    }
    assert set(definition.labels) <= bounded


def test_every_definition_has_an_instrument_and_every_instrument_a_definition() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    collected = {metric.name for metric in registry.collect()}
    assert {name.removesuffix("_total") for name in collected} == {
        definition.name.removesuffix("_total") for definition in MANIFEST
    }


def test_counts_show_once_flushed_and_only_once() -> None:
    metrics = Metrics()
    metrics.joins.add("concert", "line")
    metrics.joins.labels("concert", "line").value += 4
    series = 'holdfast_joins_total{kind="line",sale="concert"}'
    assert samples(exposition(metrics)[0].decode()).get(series, 0.0) == 0.0
    for _ in range(3):
        assert read(metrics)[series] == 5.0


def test_every_counter_is_flushed() -> None:
    metrics = Metrics()
    counters = [
        (metric.definition, counter)
        for name, metric in declared_metrics()
        if isinstance(counter := getattr(metrics, name), LabelledCounter)
    ]
    for definition, counter in counters:
        counter.add(*(["x"] * len(definition.labels)), n=7)
    totals = [value for name, value in read(metrics).items() if "_total" in name]
    assert sorted(totals)[-len(counters) :] == [7.0] * len(counters)


def test_script_calls_show_latency_and_batch_size() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.observe_script("join_line", 0.002, 16)
    shown = read(metrics)
    assert shown['holdfast_script_seconds_count{script="join_line"}'] == 3.0
    assert shown['holdfast_script_seconds_sum{script="join_line"}'] == pytest.approx(0.006)
    assert shown['holdfast_script_seconds_bucket{le="0.0025",script="join_line"}'] == 3.0
    assert shown['holdfast_script_seconds_bucket{le="0.001",script="join_line"}'] == 0.0
    assert shown["holdfast_script_batch_size_sum{}"] == 48.0


def test_transactions_show_how_they_ended_and_how_many_orders_shared_one() -> None:
    metrics = Metrics()
    metrics.observe_transaction("committed", 100, 0.004)
    metrics.observe_transaction("conflict", 256, 5.5)
    shown = read(metrics)
    assert shown['holdfast_ledger_seconds_bucket{le="0.0025",outcome="committed"}'] == 0.0
    assert shown['holdfast_ledger_seconds_bucket{le="0.005",outcome="committed"}'] == 1.0
    assert shown['holdfast_ledger_seconds_bucket{le="5.0",outcome="conflict"}'] == 0.0
    assert shown['holdfast_ledger_seconds_count{outcome="conflict"}'] == 1.0
    assert shown["holdfast_ledger_batch_size_sum{}"] == 356.0
    assert shown['holdfast_ledger_batch_size_bucket{le="256.0"}'] == 2.0


@given(st.lists(st.floats(min_value=0, max_value=10), max_size=50))
def test_tally_shows_what_the_library_would(values: list[float]) -> None:
    """Bounds included: 0.001 belongs to the bucket `le="0.001"`."""
    bounds = (0.001, 0.5, 2.0)
    ours = BulkHistogram("h", "help", buckets=bounds, registry=CollectorRegistry())
    theirs = Histogram("h", "help", buckets=bounds, registry=CollectorRegistry())
    tally = Tally(ours, bounds)
    for value in (*bounds, *values):
        tally.observe(value)
        theirs.observe(value)
    tally.flush()
    tally.flush()
    shown = {(s.name, str(s.labels)): s.value for m in ours.collect() for s in m.samples}
    wanted = {(s.name, str(s.labels)): s.value for m in theirs.collect() for s in m.samples}
    for name, value in wanted.items():
        assert name[0].endswith("_created") or shown[name] == pytest.approx(value)


SALE_SERIES = [entry for entry in MANIFEST if entry.of_sale and not entry.kept_elsewhere]


@pytest.mark.parametrize(
    "definition",
    [entry for entry in SALE_SERIES if entry.kind is not MetricKind.GAUGE],
    ids=lambda entry: entry.name,
)
def test_counts_of_a_sale_exist_at_0_from_its_first_sight(definition: Definition) -> None:
    metrics = Metrics()
    metrics.sale("concert", "u1", "EUR")
    shown = read(metrics)
    values = definition.values or ((("EUR",),) if "currency" in definition.labels else ((),))
    suffix = "_count" if definition.kind is MetricKind.HISTOGRAM else ""
    for further in values:
        labels = dict(zip(definition.labels, ("concert", *further), strict=True))
        text = ",".join(f'{name}="{labels[name]}"' for name in sorted(labels))
        assert shown[f"{definition.name}{suffix}{{{text}}}"] == 0.0


def test_series_of_a_removed_sale_are_gone_and_come_back_at_0() -> None:
    metrics = Metrics()
    for name in ("concert", "other"):
        metrics.sale(name, "u1", "EUR").set(metrics.waiting, 5)
        metrics.joins.add(name, "line", n=3)
        metrics.wait_seconds.labels(name).observe(4.0)
    read(metrics)
    metrics.forget_sale("concert", "u0")  # another sale that had the name
    assert read(metrics)['holdfast_waiting{sale="concert"}'] == 5.0
    metrics.forget_sale("concert", "u1")
    shown = read(metrics)
    assert not [name for name in shown if 'sale="concert"' in name]
    assert shown['holdfast_joins_total{kind="line",sale="other"}'] == 3.0
    metrics.sale("concert", "u2", "EUR")
    assert read(metrics)['holdfast_joins_total{kind="line",sale="concert"}'] == 0.0


def test_sale_of_a_new_uid_begins_at_0() -> None:
    metrics = Metrics()
    metrics.sale("concert", "u1")
    metrics.joins.add("concert", "line", n=3)
    read(metrics)
    metrics.sale("concert", "u2")
    assert read(metrics)['holdfast_joins_total{kind="line",sale="concert"}'] == 0.0


def test_gauges_of_a_sale_are_written_when_they_change() -> None:
    metrics = Metrics()
    sale = metrics.sale("concert", "u1")
    sale.set(metrics.units, 3, "free")
    metrics.units.labels("concert", "free").set(7)
    sale.set(metrics.units, 3, "free")
    assert read(metrics)['holdfast_units{sale="concert",state="free"}'] == 7.0
    sale.set(metrics.units, 4, "free")
    assert read(metrics)['holdfast_units{sale="concert",state="free"}'] == 4.0


def test_counts_that_the_store_keeps_are_shown_as_counters() -> None:
    metrics = Metrics()
    metrics.sale("concert", "u1").set(metrics.called, 40)
    for accept, version in (("", "text/plain"), ("application/openmetrics-text", "openmetrics")):
        body, content_type = exposition(metrics, accept)
        assert version in content_type
        assert b"# TYPE holdfast_called" in body
        assert b"counter\nholdfast_called_total{" in body
    assert body.endswith(b"# EOF\n")


def test_observer_has_the_signature_that_the_executor_calls() -> None:
    hints = get_type_hints(Metrics.observe_script)
    assert hints == {"script": str, "seconds": float, "batch_size": int, "return": type(None)}
