"""What a worker finds of sales that others have made."""

from pathlib import Path

import pytest
from house_kit import NAME, House, until

from holdfast.sales import directory
from holdfast_web.errors import ErrorCode, HoldfastError


@pytest.mark.parametrize("name", ["\0", "a\0", "\udcff", "A", "-a", "a\n", "a/b", "", "a" * 64])
async def test_name_that_no_sale_can_have_is_unknown_and_no_question_to_the_ledger(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def read(_: str) -> None:
        raise AssertionError("the ledger was asked")

    monkeypatch.setattr(house.ledger.sales, "read", read)
    with pytest.raises(HoldfastError) as refusal:
        await house.directory.get(name)
    assert refusal.value.code is ErrorCode.UNKNOWN_SALE


async def test_sale_is_found_though_it_was_asked_for_before_it_was_made(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given that a worker remembers a name as missing, its leader finds the sale all the same."""
    monkeypatch.setattr(directory, "MISSING_SECONDS", 600.0)
    worker = house.newcomer()
    with pytest.raises(HoldfastError) as refusal:
        await worker.directory.get(NAME)
    assert refusal.value.code is ErrorCode.UNKNOWN_SALE
    await house.create(NAME)
    await house.create("another")

    async def both() -> bool:
        return None not in (worker.directory.known(NAME), worker.directory.known("another"))

    async with worker.leading(tmp_path):
        await until(both)
