import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram, values
from prometheus_client.mmap_dict import MmapedDict

from holdfast_metrics.multiprocess import SharedValue, WorkerFiles
from holdfast_metrics.series_file import SeriesFile

Entries = list[tuple[str, float, float]]


def _read(path: Path) -> Entries:
    """What a scrape reads."""
    found = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
    return [(key, value, timestamp) for key, value, timestamp, _ in found]


@contextmanager
def _no_file_above(limit: int) -> Iterator[None]:
    """Writes beyond `limit` bytes fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def faults() -> list[OSError]:
    return []


@pytest.fixture
def series(tmp_path: Path, faults: list[OSError]) -> SeriesFile:
    return SeriesFile(tmp_path / "counter_0.db", faults.append)


@pytest.mark.parametrize("length", [*range(1, 10), 5000])
def test_series_file_is_what_the_library_reads(
    series: SeriesFile, tmp_path: Path, length: int
) -> None:
    """Keys of every padding, and one that the first page does not hold."""
    keys = ["k" * length, "é" * length]
    assert [series.enter(key) for key in keys] == [0.0, 0.0]
    series.write(keys[0], 2.5, 7.0)
    assert _read(tmp_path / "counter_0.db") == [(keys[0], 2.5, 7.0), (keys[1], 0.0, 0.0)]


def test_series_file_is_gone_on_with(
    series: SeriesFile, tmp_path: Path, faults: list[OSError]
) -> None:
    series.enter("a")
    series.write("a", 3.0, 0.0)
    later = SeriesFile(tmp_path / "counter_0.db", faults.append)
    assert (later.enter("b"), later.enter("a")) == (0.0, 3.0)
    later.write("a", 4.0, 0.0)
    assert not faults
    assert _read(tmp_path / "counter_0.db") == [("a", 4.0, 0.0), ("b", 0.0, 0.0)]


def test_series_without_room_costs_its_sample_and_comes_when_there_is_room(
    series: SeriesFile, tmp_path: Path, faults: list[OSError]
) -> None:
    series.enter("a")
    with _no_file_above(100):
        series.enter("b" * 100)
        series.write("b" * 100, 1.0, 0.0)
        series.write("a", 5.0, 0.0)
        assert len(faults) == 2
        assert _read(tmp_path / "counter_0.db") == [("a", 5.0, 0.0)]
    series.write("b" * 100, 2.0, 0.0)
    assert _read(tmp_path / "counter_0.db") == [("a", 5.0, 0.0), ("b" * 100, 2.0, 0.0)]
    assert len(faults) == 2


def test_file_without_room_for_its_header_is_not_there_for_readers(
    series: SeriesFile, tmp_path: Path, faults: list[OSError]
) -> None:
    with _no_file_above(0):
        assert series.enter("a") == 0.0
    assert len(faults) == 1
    assert not list(tmp_path.glob("*.db"))
    series.write("a", 1.0, 0.0)
    assert _read(tmp_path / "counter_0.db") == [("a", 1.0, 0.0)]


def test_library_makes_its_values_by_the_name_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is relied on inside of prometheus-client: `values.ValueClass`, and how it is called."""
    made: list[SharedValue] = []
    files = WorkerFiles(tmp_path, 3)

    def make(*arguments: object, **named: object) -> SharedValue:
        made.append(SharedValue(files, *arguments, **named))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(values, "ValueClass", make)
    Counter("c", "help", registry=None).inc(2)
    Gauge("g", "help", registry=None, multiprocess_mode="livemostrecent").set(5)
    Histogram("h", "help", registry=None, buckets=(1.0,)).observe(0.5)
    assert [one.get() for one in made] == [2.0, 5.0, 0.5, 1.0, 0.0]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"counter_3.db", "gauge_livemostrecent_3.db", "histogram_3.db"}
    ((_, value, timestamp),) = _read(tmp_path / "gauge_livemostrecent_3.db")
    assert value == 5.0
    assert timestamp > 1e9


def test_dropped_samples_are_counted_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = WorkerFiles(tmp_path / "missing", 0)
    value = SharedValue(files, "counter", "c", "c_total", (), (), "help")
    for _ in range(10):
        value.inc(1)
    assert value.get() == 10.0
    assert (files.take_dropped(), files.take_dropped()) == (11, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "cannot write metrics until there is room: No such file or directory"
    ]


def test_value_that_is_written_in_part_is_dropped_for_want_of_room(tmp_path: Path) -> None:
    """A device that fills up in the middle of an entry takes the first part of it."""
    dropped: list[OSError] = []
    series = SeriesFile(tmp_path / "counter_1.db", dropped.append)
    series.enter("a")
    with _no_file_above((tmp_path / "counter_1.db").stat().st_size + 3):
        series.enter("b")
    assert [fault.strerror for fault in dropped] == ["No space left on device"]
