"""What is relied on inside of prometheus-client: bounded by version."""

import inspect
import struct
import tomllib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, multiprocess, values
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from holdfast_metrics import library
from holdfast_metrics.library import BulkHistogram

ROOT = Path(__file__).parents[2]


def test_version_of_the_library_is_bounded_above() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (bound,) = (one for one in project["dependencies"] if one.startswith("prometheus-client"))
    assert "<0." in bound


def test_histogram_keeps_its_buckets_and_sum_as_values() -> None:
    registry = CollectorRegistry()
    histogram = BulkHistogram("h", "Help.", registry=registry, buckets=(1.0, 2.0))
    histogram.observe_all((3, 0, 1), 12.5)
    found = {
        (sample.name, sample.labels.get("le")): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }
    assert found["h_bucket", "1.0"] == found["h_bucket", "2.0"] == 3
    assert found["h_bucket", "+Inf"] == found["h_count", None] == 4
    assert found["h_sum", None] == 12.5


def test_instruments_take_their_numbers_from_the_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    made: list[tuple[object, ...]] = []
    kept = values.ValueClass

    def factory(*arguments: object, **named: object) -> object:
        made.append(arguments)
        return kept(*arguments, **named)

    library.make_values_with(factory)
    Counter("c", "Help.", ["sale"], registry=CollectorRegistry()).labels("gala").inc()
    assert made == [("counter", "c", "c_total", ("sale",), ("gala",), "Help.")]


def test_file_of_series_is_read_as_key_value_timestamp_and_position(tmp_path: Path) -> None:
    path = tmp_path / "counter_1.db"
    key = library.series_key("c", "c_total", ("sale",), ("gala",), "Help.")
    assert key == mmap_key("c", "c_total", ["sale"], ["gala"], "Help.")
    written = MmapedDict(str(path))  # type: ignore[no-untyped-call]  # has no types
    written.write_value(key, 7.0, 1.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]
    ((found, value, at, position),) = library.entries_of(path)
    assert (found, value, at) == (key, 7.0, 1.0)
    assert struct.unpack_from("dd", path.read_bytes(), position) == (7.0, 1.0)


def test_gauges_of_a_dead_worker_are_dropped_by_its_slot(tmp_path: Path) -> None:
    kept, dropped = tmp_path / "gauge_livesum_2.db", tmp_path / "gauge_livesum_1.db"
    for path in (kept, dropped):
        path.touch()
    library.drop_gauges_of(1, tmp_path)
    assert sorted(tmp_path.iterdir()) == [kept]
    assert "pid" in inspect.signature(multiprocess.mark_process_dead).parameters
