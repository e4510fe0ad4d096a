"""What users tell becomes receipts and figures, in bounded, numbered batches."""

import time

import pytest

from holdfast_loadtest.audit.journal import (
    Admitted,
    Complaint,
    Confirmed,
    Entry,
    Joined,
    Paid,
    RefundRequired,
)
from holdfast_loadtest.crowd.tally import UNDER_WAY, VisitorState
from holdfast_loadtest.observations.batches import MAX_RECEIPTS, Batch, decode_batch
from holdfast_loadtest.observations.observer import ENDS, MAX_COMPLAINTS, Observer, steady_clock
from holdfast_loadtest.wire import Item

ITEMS = [Item(seat="A-1", price=4500)]


class Worker:
    """An observer with a clock that is moved by hand, and the batches that it has sent."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.batches: list[Batch] = []
        self.observer = Observer("run", "w1", self._take, clock="here", now=lambda: self.time)

    def _take(self, message: bytes) -> None:
        self.batches.append(decode_batch(message))

    def pass_time(self, seconds: float) -> None:
        self.time += seconds

    def observed(self) -> Batch:
        self.observer.flush()
        return self.batches[-1]

    def people(self) -> dict[str, int]:
        stages = self.observed().figures.stages
        return {stage: sum(seconds.values()) for stage, seconds in stages.items()}


@pytest.fixture
def worker() -> Worker:
    return Worker()


def buy(worker: Worker, person: int) -> None:
    observer = worker.observer
    observer.arrived(person)
    observer.joined(person, 7)
    observer.estimated(person, 20)
    worker.pass_time(10)
    observer.polled(person, 3)
    observer.estimated(person, 90)
    worker.pass_time(20)
    observer.called(person)
    worker.pass_time(2)
    observer.admitted(person)
    observer.held(person)
    observer.paying(person)
    observer.confirmed(person)


def wait(worker: Worker, person: int) -> None:
    worker.observer.joined(person, 7)
    worker.observer.polled(person, 3)


def test_a_purchase_is_counted_at_each_stage_once(worker: Worker) -> None:
    buy(worker, 1)
    worker.observer.ended(1, VisitorState.BOOKED.value)
    funnel = ("arrived", "joined", "called", "admitted", "waited", "held", "paying", "confirmed")
    pairs = ("queued", "dequeued", "entered", "exited", "holding", "released", "polled")
    assert worker.people() == dict.fromkeys((*funnel, *pairs), 1)


def test_wait_is_from_join_to_call_and_measured_by_the_first_estimate(worker: Worker) -> None:
    buy(worker, 1)
    figures = worker.observed().figures
    assert figures.waits.largest == pytest.approx(30)
    assert figures.admission_waits.largest == pytest.approx(32)
    assert figures.estimate_errors.largest == pytest.approx(10)
    assert {power: waits.count for power, waits in figures.waits_by_estimate.items()} == {4: 1}


def test_wait_of_a_lobby_is_counted_from_the_opening(worker: Worker) -> None:
    worker.observer.opens_at = 1_060.0
    worker.observer.joined(1, None)
    worker.observer.estimated(1, 5)
    worker.pass_time(75)
    worker.observer.called(1)
    figures = worker.observed().figures
    assert figures.waits.largest == pytest.approx(15)
    assert figures.estimate_errors.largest == pytest.approx(10)


def test_whoever_walks_in_has_not_waited(worker: Worker) -> None:
    worker.observer.joined(1, 1)
    worker.observer.admitted(1)
    people = worker.people()
    assert people["called"] == people["admitted"] == 1
    assert "waited" not in people


def test_whoever_joins_again_is_one_visitor_who_waits_twice(worker: Worker) -> None:
    for seconds in (7, 9):
        wait(worker, 1)
        worker.pass_time(seconds)
        worker.observer.called(1)
        worker.observer.called(1)
    worker.observer.ended(1, VisitorState.NO_SHOW.value)
    figures = worker.observed().figures
    people = {stage: sum(seconds.values()) for stage, seconds in figures.stages.items()}
    assert (people["joined"], people["called"]) == (1, 1)
    assert (people["queued"], people["dequeued"]) == (2, 2)
    assert (figures.waits.count, figures.waits.largest) == (2, 9)


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        (VisitorState.QUIT, "left"),
        (VisitorState.LAPSED, "left"),
        (VisitorState.SOLD_OUT, "empty_handed"),
        (VisitorState.TURNED_AWAY, "empty_handed"),
        (VisitorState.FAILED, None),
    ],
)
def test_a_visit_ends_in_one_way(worker: Worker, state: VisitorState, stage: str | None) -> None:
    wait(worker, 1)
    worker.observer.ended(1, state.value)
    people = worker.people()
    assert {"left", "empty_handed"} & people.keys() == ({stage} if stage else set())
    assert people["dequeued"] == people["queued"]


def test_every_end_without_an_order_is_known() -> None:
    others = {VisitorState.BOOKED, VisitorState.REFUNDED, VisitorState.FAILED}
    others |= {VisitorState.TIMED_OUT, *UNDER_WAY}
    assert ENDS.keys() == {state.value for state in VisitorState if state not in others}


def test_a_buyer_neither_left_nor_got_nothing(worker: Worker) -> None:
    buy(worker, 1)
    worker.observer.ended(1, VisitorState.LEFT.value)
    assert "left" not in worker.people()


def test_a_hold_ends_once(worker: Worker) -> None:
    for _ in range(2):
        worker.observer.held(1)
    worker.observer.ended(1, VisitorState.LAPSED.value)
    people = worker.people()
    assert (people["held"], people["holding"], people["released"]) == (1, 1, 1)


def test_receipts_are_sent_as_they_were_with_the_clock_of_joins(worker: Worker) -> None:
    others: list[Entry] = [Admitted("t", "p", 7), Paid("h"), Confirmed("h", ITEMS, 45)]
    others += [RefundRequired("h1"), Complaint("promise", "seen")]
    for entry in (Joined(7, 1.0, 2.0), *others):
        worker.observer.record(entry)
    assert worker.observed().receipts == [Joined(7, 1.0, 2.0, "here"), *others]


def test_refusals_and_requests_are_counted_by_step(worker: Worker) -> None:
    for code in ("seats_taken", "seats_taken", "limit"):
        worker.observer.refused("hold", code)
    worker.observer.answered("hold", 0.02, failed=False)
    worker.observer.answered("hold", 0.2, failed=True)
    figures = worker.observed().figures
    assert figures.refusals == {"hold": {"seats_taken": 2, "limit": 1}}
    assert (figures.steps["hold"].failures, figures.steps["hold"].seconds.count) == (1, 2)


def test_nothing_is_kept_of_whoever_has_finished(worker: Worker) -> None:
    for person in range(100):
        buy(worker, person)
        worker.observer.ended(person, VisitorState.BOOKED.value)
    assert worker.observer.visits == 0


def test_batches_are_bounded_and_count_what_was_before(worker: Worker) -> None:
    for n in range(2 * MAX_RECEIPTS + 3):
        worker.observer.record(RefundRequired(str(n)))
    worker.observer.end()
    worker.observer.end()
    assert [len(batch.receipts) for batch in worker.batches] == [MAX_RECEIPTS, MAX_RECEIPTS, 3]
    assert [batch.number for batch in worker.batches] == [1, 2, 3]
    assert [batch.receipts_before for batch in worker.batches] == [0, 500, 1_000]
    assert [batch.is_last for batch in worker.batches] == [False, False, True]


def test_what_comes_after_the_end_is_sent_as_well(worker: Worker) -> None:
    worker.observer.end()
    worker.observer.record(RefundRequired("late"))
    worker.observer.end()
    assert [batch.receipts_so_far for batch in worker.batches] == [0, 1]
    assert worker.batches[-1].is_last


def test_complaints_are_bounded_and_receipts_are_not(worker: Worker) -> None:
    for n in range(MAX_COMPLAINTS + 10):
        worker.observer.record(Complaint("promise", str(n)))
        worker.observer.record(RefundRequired(str(n)))
    worker.observer.end()
    kept = [type(entry) for batch in worker.batches for entry in batch.receipts]
    assert kept.count(Complaint) == MAX_COMPLAINTS
    assert kept.count(RefundRequired) == MAX_COMPLAINTS + 10


def test_clocks_of_one_machine_agree() -> None:
    first, second = steady_clock(), steady_clock()
    before, between, after = first(), second(), first()
    assert before - 0.001 <= between <= after + 0.001


def test_clocks_agree_although_a_process_stood_still_while_it_read_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses, wall = iter([0.05]), time.time

    def read_wall() -> float:
        told = wall()
        time.sleep(next(pauses, 0.0))
        return told

    monkeypatch.setattr(time, "time", read_wall)
    first, second = steady_clock(), steady_clock()
    before, between, after = first(), second(), first()
    assert before - 0.001 <= between <= after + 0.001
