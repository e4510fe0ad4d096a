"""What has arrived at the master, by worker, and what is known to be missing.

A worker from whom nothing came, one without a last batch, a batch that never arrived and a message
that cannot be read are findings: with any of them the receipts are not complete, and how many are
missing is said where it can be known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from holdfast_loadtest.audit.findings import Check, concluded
from holdfast_loadtest.observations.batches import Batch, UnreadableBatch, decode_batch

COMPLETE: Final = "every receipt of every worker is here"
MAX_SKIPPED: Final = 10_000
"""batches that may be missing before a worker's numbers count as nonsense"""


@dataclass(slots=True)
class WorkerAccount:
    """The batches of one worker: how many came, and how many there must be."""

    name: str
    batches: int = 0
    receipts: int = 0
    told: int = 0
    """receipts that the worker is known to have sent"""
    highest: int = 0
    is_complete: bool = False
    """its last batch is here, which does not say that those before are"""
    unreadable: list[str] = field(default_factory=list)
    missing: set[int] = field(default_factory=set)

    def take(self, batch: Batch) -> bool:
        """Whether the batch is new."""
        if batch.number > self.highest:
            if batch.number - self.highest > MAX_SKIPPED:
                raise UnreadableBatch(f"batch {batch.number} after {self.highest}")
            self.missing.update(range(self.highest + 1, batch.number))
            self.highest = batch.number
        elif batch.number in self.missing:
            self.missing.remove(batch.number)
        else:
            return False
        self.batches += 1
        self.receipts += len(batch.receipts)
        self.told = max(self.told, batch.receipts_so_far)
        self.is_complete |= batch.is_last
        return True

    def findings(self) -> Iterator[str]:
        for number, problem in enumerate(self.unreadable, 1):
            yield f"worker {self.name}: message {number} that cannot be read ({problem})"
        if self.missing:
            numbers = ", ".join(str(number) for number in sorted(self.missing)[:5])
            more = ", ..." if len(self.missing) > 5 else ""
            yield (
                f"worker {self.name}: batch {numbers}{more} of {self.highest} never arrived: "
                f"{self.told - self.receipts:,} receipts unknown"
            )
        if not self.is_complete:
            yield (
                f"worker {self.name}: no last batch after {self.receipts:,} receipts: "
                "how many are missing is unknown"
            )


class Intake:
    """Takes the batches of all workers of one run; batches of other runs are left alone."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._accounts: dict[str, WorkerAccount] = {}

    def expect(self, worker: str) -> None:
        """A worker takes part, so its last batch must arrive."""
        self._account(worker)

    def take(self, worker: str, message: bytes) -> Batch | None:
        """The batch of a message that came from `worker`; None unless it is a new one."""
        try:
            batch = decode_batch(message)
            if batch.run != self._run:
                return None
            if batch.worker != worker:
                raise UnreadableBatch(f"it says that it is from {batch.worker}")
            return batch if self._account(worker).take(batch) else None
        except UnreadableBatch as error:
            self._account(worker).unreadable.append(str(error)[:200])
            return None

    @property
    def accounts(self) -> list[WorkerAccount]:
        return list(self._accounts.values())

    @property
    def is_complete(self) -> bool:
        """Whether the last batch of every worker is here."""
        return all(account.is_complete for account in self._accounts.values())

    def check(self) -> Check:
        """The finding of what is missing, as a check of the audit."""
        batches = sum(account.batches for account in self.accounts)
        receipts = sum(account.receipts for account in self.accounts)
        findings = [finding for account in self.accounts for finding in account.findings()]
        if not self.accounts:
            findings.append("no worker has sent anything")
        return concluded(
            COMPLETE,
            f"{receipts:,} receipts in {batches:,} batches of {_workers(len(self.accounts))}",
            findings,
        )

    def _account(self, worker: str) -> WorkerAccount:
        return self._accounts.setdefault(worker, WorkerAccount(worker))


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"
