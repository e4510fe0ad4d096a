"""How the benchmark of costs makes its requests."""

from typing import Any, cast

import pytest

from bench.costs import LINE, Requests
from bench.kit.service import Service


class Line:
    """A service that gives tickets."""

    key = "key"

    def __init__(self) -> None:
        self.joined: list[str] = []

    def join(self, base: str) -> dict[str, Any]:
        self.joined.append(base)
        return {"ticket": f"ticket-{len(self.joined)}"}


@pytest.mark.parametrize("count", [1, 20, 50, 130])
def test_as_many_views_are_made_as_are_asked_for(count: int) -> None:
    """Views came by fifties, so a run of fewer requests measured none and ended."""
    line = Line()
    views = Requests(cast(Service, line)).views(count)
    assert len(views) == count
    assert len(set(views)) == len(line.joined) == min(count, 50)
    assert set(line.joined) == {LINE}
