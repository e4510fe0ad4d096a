"""The master knows which receipts it has not got."""

import pytest

from holdfast_loadtest.audit.journal import RefundRequired
from holdfast_loadtest.observations.batches import MAX_BATCH_BYTES, Batch, encode_batch
from holdfast_loadtest.observations.figures import Figures
from holdfast_loadtest.observations.intake import MAX_SKIPPED, Intake

RECEIPTS = [3, 0, 4, 2]


def batches(worker: str = "w1", run: str = "run") -> list[bytes]:
    """All batches of a worker, the last of them marked as such."""
    made = []
    for number, count in enumerate(RECEIPTS, 1):
        receipts = [RefundRequired(f"{number}-{n}") for n in range(count)]
        before, is_last = sum(RECEIPTS[: number - 1]), number == len(RECEIPTS)
        batch = Batch(run, worker, number, 0.0, before, [*receipts], Figures(), is_last)
        made.append(encode_batch(batch))
    return made


@pytest.fixture
def intake() -> Intake:
    intake = Intake("run")
    intake.expect("w1")
    return intake


def take(intake: Intake, *messages: bytes, worker: str = "w1") -> list[bool]:
    return [intake.take(worker, message) is not None for message in messages]


def test_all_batches_of_all_workers_are_complete(intake: Intake) -> None:
    take(intake, *batches())
    take(intake, *batches("w2"), worker="w2")
    check = intake.check()
    assert intake.is_complete
    assert check.held, check.findings
    assert check.examined == "18 receipts in 8 batches of 2 workers"


def test_a_lost_batch_is_a_finding_with_the_number_of_its_receipts(intake: Intake) -> None:
    first, second, third, last = batches()
    take(intake, first, second, last)
    assert intake.check().findings == ("worker w1: batch 3 of 4 never arrived: 4 receipts unknown",)
    assert take(intake, third) == [True]
    assert intake.check().held


def test_a_worker_that_vanished_is_a_finding(intake: Intake) -> None:
    take(intake, *batches()[:3])
    assert not intake.is_complete
    assert intake.check().findings == (
        "worker w1: no last batch after 7 receipts: how many are missing is unknown",
    )


def test_a_worker_that_never_sent_anything_is_a_finding(intake: Intake) -> None:
    intake.expect("w2")
    take(intake, *batches())
    assert [finding.split(":")[0] for finding in intake.check().findings] == ["worker w2"]


def test_a_run_without_workers_is_no_run() -> None:
    assert Intake("run").check().findings == ("no worker has sent anything",)


def test_a_batch_counts_once(intake: Intake) -> None:
    first, *rest = batches()
    assert take(intake, first, first, *rest, first) == [True, False, True, True, True, False]
    assert intake.check().held
    assert intake.accounts[0].receipts == sum(RECEIPTS)


def test_batches_of_another_run_are_left_alone(intake: Intake) -> None:
    assert not any(take(intake, *batches(run="before")))
    assert not intake.is_complete


@pytest.mark.parametrize(
    "message",
    [b"", b"nonsense", batches()[0][:-3], batches("w2")[0], bytes(MAX_BATCH_BYTES + 1)],
)
def test_a_message_that_cannot_be_read_is_a_finding(intake: Intake, message: bytes) -> None:
    take(intake, *batches())
    assert take(intake, message) == [False]
    (finding,) = intake.check().findings
    assert finding.startswith("worker w1: message 1 that cannot be read (")


def test_a_number_far_off_takes_no_memory(intake: Intake) -> None:
    far = Batch("run", "w1", MAX_SKIPPED + 5, 0.0, 0, [], Figures())
    assert take(intake, encode_batch(far)) == [False]
    assert len(intake.accounts[0].missing) == 0
    assert not intake.check().held
