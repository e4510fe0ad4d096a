"""Several workers: a scrape by any of them adds up all of them, as in real forked processes."""

import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from holdfast_metrics import multiprocess

# A parent that prepares the directory, makes the instruments and forks two workers, as the service
# does; the last worker to end scrapes. A process of its own, since the mode is one of a process.
SERVICE = """
import os, sys
from pathlib import Path
from holdfast_metrics import multiprocess
from holdfast_metrics.exposition import exposition
from holdfast_metrics.metrics import Metrics

multiprocess.prepare(Path(sys.argv[1]))

def work(worker):
    multiprocess.join(worker)
    metrics = Metrics()
    metrics.joins.add("concert", "line", n=10 * worker)
    metrics.waiting.labels("concert").set(100 * worker)
    metrics.open_streams.inc(worker)
    metrics.observe_script("join_line", 0.001, worker)
    metrics.flush()

for worker in (1, 2):
    pid = os.fork()
    if pid == 0:
        work(worker)
        os._exit(0)
    os.waitpid(pid, 0)
    if "forget" in sys.argv:
        multiprocess.forget_worker(worker)
print(exposition(Metrics())[0].decode())
"""


def _run(directory: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", SERVICE, str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


def test_scrape_adds_up_the_workers(tmp_path: Path) -> None:
    shown = _run(tmp_path)
    assert 'holdfast_joins_total{kind="line",sale="concert"} 30.0' in shown
    assert 'holdfast_script_seconds_count{script="join_line"} 2.0' in shown
    assert "holdfast_script_batch_size_sum 3.0" in shown


def test_gauge_is_the_last_sighting_not_a_sum(tmp_path: Path) -> None:
    assert 'holdfast_waiting{sale="concert"} 200.0' in _run(tmp_path)


def test_gauge_of_what_each_worker_has_is_a_sum(tmp_path: Path) -> None:
    assert "holdfast_open_streams 3.0" in _run(tmp_path)


def test_dead_worker_keeps_its_counts_and_loses_its_gauges(tmp_path: Path) -> None:
    shown = _run(tmp_path, "forget")
    assert 'holdfast_joins_total{kind="line",sale="concert"} 30.0' in shown
    assert "holdfast_waiting{" not in shown
    assert "holdfast_open_streams 3.0" not in shown


def test_replacement_goes_on_with_the_counts_of_its_slot(tmp_path: Path) -> None:
    """Given workers that had the slots before, then nothing is lost, and no file is added."""
    _run(tmp_path, "forget")
    files = sorted(path.name for path in tmp_path.iterdir())
    shown = _run(tmp_path)
    assert 'holdfast_joins_total{kind="line",sale="concert"} 60.0' in shown
    assert 'holdfast_script_seconds_bucket{le="+Inf",script="join_line"} 4.0' in shown
    assert "holdfast_open_streams 3.0" in shown
    assert {path.name for path in tmp_path.iterdir() if path.name in files} == set(files)
    assert len(list(tmp_path.iterdir())) == 10


# Two workers, both alive, and a third one that was killed; then the first one removes a sale, and
# the third one is replaced.
REMOVING = """
import os, signal, sys
from pathlib import Path
from holdfast_metrics import multiprocess
from holdfast_metrics.exposition import exposition
from holdfast_metrics.metrics import Metrics

multiprocess.prepare(Path(sys.argv[1]))
ready_read, ready = os.pipe()

def work(slot, go):
    multiprocess.join(slot)
    metrics = Metrics()
    for name in ("gone", "kept"):
        metrics.sale(name, "u1", "EUR").set(metrics.called, 7)
        metrics.joins.add(name, "line", n=10)
        metrics.wait_seconds.labels(name).observe(3.0)
    metrics.flush()
    os.write(ready, b"x")
    os.read(go, 1)
    if slot == 0:
        metrics.remove_sale("gone")
    os.write(ready, b"x")
    os.read(go, 1)
    metrics.joins.add("kept", "line", n=1)
    metrics.flush()
    os.write(ready, b"x")
    os.read(go, 1)

pids, turns = [], []
for slot in range(3):
    go, turn = os.pipe()
    pid = os.fork()
    if pid == 0:
        work(slot, go)
        os._exit(0)
    pids.append(pid)
    turns.append(turn)
    os.read(ready_read, 1)
os.kill(pids[2], signal.SIGKILL)
os.waitpid(pids[2], 0)
multiprocess.forget_worker(2)
for _ in range(2):
    for turn in turns[:2]:
        os.write(turn, b"x")
        os.read(ready_read, 1)
if "replace" in sys.argv:
    multiprocess.join(2)
    replacement = Metrics()
    replacement.joins.add("gone", "line", n=1)
    replacement.flush()
print(exposition(Metrics())[0].decode())
for pid in pids[:2]:
    os.kill(pid, signal.SIGKILL)
"""


def _remove(directory: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", REMOVING, str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


def test_series_of_a_removed_sale_are_in_no_file(tmp_path: Path) -> None:
    """Neither in those of workers that live, nor in those of one that was killed."""
    shown = _remove(tmp_path)
    assert 'sale="gone"' not in shown
    assert 'holdfast_joins_total{kind="line",sale="kept"} 32.0' in shown
    assert 'holdfast_wait_seconds_count{sale="kept"} 3.0' in shown
    assert "# TYPE holdfast_called_total counter" in shown
    assert 'holdfast_called_total{sale="kept"} 7.0' in shown


def test_replacement_begins_a_removed_sale_at_0(tmp_path: Path) -> None:
    shown = _remove(tmp_path, "replace")
    assert 'holdfast_joins_total{kind="line",sale="gone"} 1.0' in shown
    assert 'holdfast_joins_total{kind="line",sale="kept"} 32.0' in shown


def test_without_preparing_there_is_nothing_to_forget() -> None:
    own = CollectorRegistry()
    assert multiprocess.collected(own) is own
    multiprocess.forget_worker(0)
