"""A store and a ledger of the model's own: schedules set the clock, and nobody else's time may."""

from collections.abc import Iterator

import pytest
from model.harness import Backend, Harness, open_harness, run_backend


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    """One for the whole session: every run has a sale of its own."""
    with run_backend() as built:
        yield built


@pytest.fixture
def harness(backend: Backend) -> Iterator[Harness]:
    """The real code, as it is."""
    with open_harness(backend) as harness:
        yield harness
