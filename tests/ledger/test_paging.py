"""A page of the API may be of the greatest length, and the ledger must say that more follow."""

import pytest

from holdfast_ledger import orders, sales
from holdfast_web.request.pagination import MAX_LIMIT


@pytest.mark.parametrize("module", [orders, sales])
def test_the_ledger_gives_one_more_than_the_longest_page(module: object) -> None:
    assert getattr(module, "MAX_PAGE") > MAX_LIMIT  # noqa: B009 - a module is no protocol
