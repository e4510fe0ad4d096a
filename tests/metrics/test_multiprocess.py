"""Several workers: a scrape by any of them adds up all of them, as in real forked processes."""

import subprocess
import sys
from pathlib import Path

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
print(exposition(Metrics()).decode())
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
    assert len(list(tmp_path.iterdir())) == 8


def test_without_preparing_there_is_nothing_to_forget() -> None:
    assert not multiprocess.is_prepared()
    multiprocess.forget_worker(0)
