"""The journal: what was told survives the process that was told it."""

from pathlib import Path

import msgspec
import pytest

from holdfast_loadtest.audit.journal import (
    MAX_COMPLAINTS,
    Admitted,
    Complaint,
    Confirmed,
    Entry,
    Journal,
    Paid,
    RefundRequired,
    digest,
    read_journal,
)
from holdfast_loadtest.wire import Item

ENTRIES: list[Entry] = [
    Admitted(digest("ticket"), "pass-1", 7),
    Paid("hold-1"),
    Confirmed("hold-1", [Item(seat="A-1", price=4500)], 4500),
    RefundRequired("hold-2"),
    Complaint("a promise", "what was seen"),
]


def write(path: Path) -> None:
    with path.open("w") as file:
        journal = Journal(file)
        for entry in ENTRIES:
            journal.record(entry)


def test_journal_reads_back_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "journal")
    read = read_journal(tmp_path / "journal")
    assert [*read.admitted, *read.paid, *read.confirmed, *read.refunds, *read.complaints] == ENTRIES


def test_journal_of_a_killed_crowd_is_read_up_to_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path)
    path.write_bytes(path.read_bytes()[:-20])
    read = read_journal(path)
    assert [*read.admitted, *read.paid, *read.confirmed, *read.refunds] == ENTRIES[:4]
    assert read.complaints == []


def test_journal_with_a_broken_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path)
    lines = path.read_text().split("\n")
    path.write_text("\n".join([lines[0], lines[1][:-5], *lines[2:]]))
    with pytest.raises(msgspec.DecodeError):
        read_journal(path)


def test_journal_never_holds_a_ticket(tmp_path: Path) -> None:
    assert "secret" not in digest("secret-ticket")
    assert digest("a") != digest("b")


def test_journal_bounds_complaints_and_nothing_else() -> None:
    journal = Journal()
    for n in range(MAX_COMPLAINTS + 10):
        journal.complain("promise", str(n))
        journal.record(RefundRequired(str(n)))
    assert len(journal.complaints) == MAX_COMPLAINTS
    assert len(journal.refunds) == MAX_COMPLAINTS + 10
