"""What the crowd was told, kept for the audit.

Entries can go to a file line by line while the crowd runs, so that another process may audit later,
also after a crowd that was killed. Tickets are secrets of their visitors: only a digest is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from holdfast_loadtest.wire import Item

DIGEST_BYTES: Final = 8
MAX_COMPLAINTS: Final = 1_000


class Joined(msgspec.Struct, tag="joined", frozen=True, omit_defaults=True):
    """A join answered with a number; when it was sent and answered, in seconds by `clock`.

    Only times of one clock can be compared: each machine of a crowd has its own.
    """

    number: int
    sent: float
    answered: float
    clock: str = ""


class Admitted(msgspec.Struct, tag="admitted", frozen=True):
    """A claim answered with a pass."""

    ticket: str
    pass_id: str
    number: int | None = None


class Confirmed(msgspec.Struct, tag="confirmed", frozen=True):
    """A 2xx answer to a confirm: from here on the order must be in the ledger, whatever fails."""

    hold: str
    items: list[Item]
    amount: int


class Paid(msgspec.Struct, tag="paid", frozen=True):
    """The shop has charged the buyer of a hold: units or `refund_required` are due to them."""

    hold: str


class RefundRequired(msgspec.Struct, tag="refund_required", frozen=True):
    """A paid hold that got no seats; the ledger must not have it as sold."""

    hold: str


class Complaint(msgspec.Struct, tag="complaint", frozen=True):
    """Something the contract rules out, seen by a visitor."""

    promise: str
    evidence: str


Entry = Joined | Admitted | Paid | Confirmed | RefundRequired | Complaint


class Journal:
    """The entries of one crowd; only the number of complaints is bounded."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.joined: list[Joined] = []
        self.admitted: list[Admitted] = []
        self.paid: list[Paid] = []
        self.confirmed: list[Confirmed] = []
        self.refunds: list[RefundRequired] = []
        self.complaints: list[Complaint] = []
        self._lists: dict[type[Entry], list[Any]] = {
            Joined: self.joined,
            Admitted: self.admitted,
            Paid: self.paid,
            Confirmed: self.confirmed,
            RefundRequired: self.refunds,
            Complaint: self.complaints,
        }
        self._file = file

    def record(self, entry: Entry) -> None:
        if isinstance(entry, Complaint) and len(self.complaints) >= MAX_COMPLAINTS:
            return
        self._lists[type(entry)].append(entry)
        if self._file is not None:
            self._file.write(encode_entry(entry).decode())
            self._file.flush()

    def complain(self, promise: str, evidence: str) -> None:
        self.record(Complaint(promise, evidence))


def encode_entry(entry: Entry) -> bytes:
    """The entry as a line of a journal's file."""
    return msgspec.json.encode(entry) + b"\n"


def digest(ticket: str) -> str:
    """A name for a ticket that cannot be used as one."""
    return hashlib.blake2b(ticket.encode(), digest_size=DIGEST_BYTES).hexdigest()


def read_journal(path: Path) -> Journal:
    """The journal that a crowd wrote to `path`; a last line cut short by a kill is left out."""
    journal = Journal()
    for entry in _entries(path):
        journal.record(entry)
    return journal


def _entries(path: Path) -> Iterator[Entry]:
    decoder = msgspec.json.Decoder(Entry)
    with path.open("rb") as file:
        for line in file:
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError:
                if line.endswith(b"\n"):
                    raise
