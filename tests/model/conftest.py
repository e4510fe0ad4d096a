"""A store and a ledger of the model's own: schedules set the clock, and nobody else's time may."""

from collections.abc import AsyncIterator, Iterator

import pytest
from model.theatre import House, Theatre, house, opened


@pytest.fixture(scope="session")
def playhouse() -> Iterator[House]:
    """One for the whole session: every run has a sale of its own."""
    with house() as built:
        yield built


@pytest.fixture
async def theatre(playhouse: House) -> AsyncIterator[Theatre]:
    """The real code, as it is."""
    async with opened(playhouse) as theatre:
        yield theatre
