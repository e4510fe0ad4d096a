"""The pytest option `--part K/N`: runs every Nth of the chosen tests, beginning with the Kth.

What takes too long to be run whole each time is run in turns: after N runs, one for each K, every
test has had its turn. Neighbours, which are mostly of one kind, go to different parts, so that the
parts take about equally long.
"""

import argparse
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Part:
    """The Kth of N parts; K counts from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Part":
        """Reads `K/N`."""
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise argparse.ArgumentTypeError(f"{text!r} is not K/N with K from 1 to N")
        return cls(int(number), int(of))

    def takes(self, index: int) -> bool:
        """Whether the test at this place of the list is in it."""
        return index % self.of == self.number - 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", type=Part.parse, help="run every Nth test from the Kth on (K/N)")


@pytest.hookimpl(trylast=True)  # after -m and -k
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part: Part | None = config.getoption("--part")
    if part is None:
        return
    config.hook.pytest_deselected(
        items=[item for index, item in enumerate(items) if not part.takes(index)]
    )
    items[:] = [item for index, item in enumerate(items) if part.takes(index)]
