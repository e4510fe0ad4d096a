"""A run put together at the master: receipts in a file, figures in memory that does not grow."""

import tracemalloc
from pathlib import Path

import msgspec
import pytest

from holdfast_loadtest.audit.journal import Admitted, Joined, Paid, RefundRequired, read_journal
from holdfast_loadtest.observations.figures import Stage
from holdfast_loadtest.observations.observer import Observer
from holdfast_loadtest.observations.record import (
    JOURNAL_FILE,
    OBSERVED_FILE,
    Observed,
    RunRecord,
)

START = 1_000.0


class Run:
    """Two workers and a record, with a clock that is moved by hand."""

    def __init__(self, directory: Path) -> None:
        self.time = START
        self.record = RunRecord("run", directory, START)
        self.workers = [self._worker(name) for name in ("w1", "w2")]

    def _worker(self, name: str) -> Observer:
        self.record.expect(name)
        return Observer(
            "run", name, lambda message: self.record.take(name, message), now=lambda: self.time
        )

    def visit(self, person: int, seconds: float) -> None:
        """Waits so long and gets a pass."""
        observer = self.workers[person % 2]
        observer.arrived(person)
        observer.joined(person, person)
        observer.record(Joined(person, self.time, self.time, ""))
        observer.polled(person, 1)
        self.time += seconds
        observer.admitted(person)
        observer.record(Admitted(f"{person:016x}", f"p{person}", person))
        observer.answered("join", 0.01 * (1 + person % 7), failed=False)
        observer.refused("hold", "seats_taken")
        observer.ended(person, "bought")

    def end(self) -> Observed:
        for worker in self.workers:
            worker.end()
        return self.record.save(self.time)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_receipts_of_all_workers_are_in_the_journal(run: Run, tmp_path: Path) -> None:
    for person in range(4):
        run.visit(person, 1.0)
    run.workers[0].record(Paid("h1"))
    run.workers[1].record(RefundRequired("h1"))
    observed = run.end()
    journal = read_journal(tmp_path / JOURNAL_FILE)
    assert {entry.pass_id for entry in journal.admitted} == {"p0", "p1", "p2", "p3"}
    assert (len(journal.joined), len(journal.paid), len(journal.refunds)) == (4, 1, 1)
    assert observed.receipts.held
    assert observed.receipts.examined == "10 receipts in 2 batches of 2 workers"


def test_what_was_saved_is_read_again(run: Run, tmp_path: Path) -> None:
    run.visit(0, 3.0)
    run.record.add_cores(START + 1, 0.5)
    observed = run.end()
    read = msgspec.json.decode((tmp_path / OBSERVED_FILE).read_bytes(), type=Observed)
    assert read == observed
    assert read.rows[1].service_cores == 0.5
    assert read.counts["admitted"] == 1


def test_rows_begin_with_a_whole_second(tmp_path: Path) -> None:
    """What happens in the second of the start is in the first row, what comes after in the next."""
    record = RunRecord("run", tmp_path, START + 0.9)
    record.expect("w1")
    observer = Observer("run", "w1", lambda m: record.take("w1", m), now=lambda: START + 1.1)
    observer.arrived(1)
    observer.end()
    observed = record.save(START + 5)
    assert observed.rows_start == START
    assert [row.stages.get("arrived", 0) for row in observed.rows] == [0, 1]


def test_live_figures_say_who_is_where(run: Run) -> None:
    run.workers[0].joined(1, 1)
    run.workers[0].held(2)
    run.visit(3, 20.0)
    for worker in run.workers:
        worker.flush()
    live = run.record.live()
    assert (live["waiting"], live["holding"], live["inside"]) == (1, 1, 0)
    assert live["funnel"]["admitted"] == 1
    assert live["refusals"] == {"seats_taken": 1}
    assert live["waits"]["p50"] == pytest.approx(20, rel=0.01)
    assert [finding.split(":")[0] for finding in live["missing"]] == ["worker w1", "worker w2"]
    run.end()


def test_a_worker_that_vanished_is_in_what_was_saved(run: Run) -> None:
    run.visit(0, 1.0)
    run.workers[0].end()
    assert run.record.incomplete == ["w2"]
    observed = run.record.save(run.time)
    assert observed.receipts.findings == (
        "worker w2: no last batch after 0 receipts: how many are missing is unknown",
    )


def kept_bytes(visitors: int, directory: Path) -> int:
    """What the record keeps in memory of a run of a minute with so many visitors."""
    directory.mkdir()
    tracemalloc.start()
    run = Run(directory)
    for person in range(visitors):
        run.visit(person, 60 / visitors)
    run.end()
    run.workers.clear()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept


@pytest.mark.parametrize(
    ("few", "many"), [(500, 2_500), pytest.param(2_000, 40_000, marks=pytest.mark.torture)]
)
def test_memory_does_not_grow_with_the_visitors(few: int, many: int, tmp_path: Path) -> None:
    kept = kept_bytes(few, tmp_path / "few")
    assert kept_bytes(many, tmp_path / "many") < 2 * kept


def test_stages_of_pairs_return_to_zero(run: Run) -> None:
    for person in range(5):
        run.visit(person, 1.0)
    run.end()
    for begun, ended in ((Stage.QUEUED, Stage.DEQUEUED), (Stage.ENTERED, Stage.EXITED)):
        assert run.record.count(begun, ended) == 0
