"""A ledger of the test's own beside the session's store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.crashes.crashing_worker import CrashingWorker
from support.ledger.migrated import write_migrated
from support.sales.worker import FAST, NAME, Worker, build_worker

from holdfast.sales.plans import PlanCache
from holdfast.sales.store.install import Installer
from holdfast_ledger import Ledger
from holdfast_lua import Executor


@pytest.fixture
async def ledger(ledger_path: Path) -> AsyncIterator[Ledger]:
    """A fresh SQLite ledger."""
    write_migrated(ledger_path)
    opened = await Ledger.open(f"sqlite:///{ledger_path}")
    yield opened
    await opened.close()


@pytest.fixture
def installer(executor: Executor, ledger: Ledger) -> Installer:
    """Installs sales of that ledger into the session's store."""
    return Installer(executor, ledger, PlanCache(ledger))


@pytest.fixture
async def worker(
    executor: Executor, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    """The worker that goes on, and compares store and ledger as often as it sweeps."""
    monkeypatch.setattr("holdfast.sales.tasks.sale_tasks.RECONCILE_SECONDS", FAST.sweep_ms / 1000)
    built = build_worker(executor, ledger)
    yield built
    await built.close()


@pytest.fixture
def crash(store_url: str, ledger: Ledger) -> CrashingWorker:
    """The worker that crashes, beside the one that goes on."""
    return CrashingWorker(
        store_url, ledger.database.url.render_as_string(hide_password=False), NAME
    )
