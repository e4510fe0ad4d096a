"""docs/architecture.md: the way of each kind of request, in few steps that name their files."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = ROOT / "docs" / "architecture.md"
STEPS_MAX: Final = 12
WAYS: Final = ("Poll", "Join", "Claim", "Hold", "Confirm", "Rebuild", "PATCH")
_STEP: Final = re.compile(r"^(\d+)\. \*\*[^*]+\*\* \(\[(\S+)\]\(\.\./(\S+)\)\): \S", re.MULTILINE)
_NUMBER: Final = re.compile(r"^\d+\. ", re.MULTILINE)


@pytest.mark.parametrize("way", WAYS)
def test_way_of_a_request_has_few_steps_each_with_its_file(way: str) -> None:
    section = PAGE.read_text("utf-8").partition(f"\n### {way}\n")[2]
    text = re.split(r"^##", section, maxsplit=1, flags=re.MULTILINE)[0]
    steps = _STEP.findall(text)
    assert [int(number) for number, _, _ in steps] == list(range(1, len(steps) + 1))
    assert len(steps) == len(_NUMBER.findall(text))
    assert 5 <= len(steps) <= STEPS_MAX
    for _, name, path in steps:
        assert (ROOT / path).is_file(), path
        assert Path(path).name == name


def test_layers_are_those_that_are_checked() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    layers = project.partition("layers = [")[2].partition("]")[0]
    checked = re.findall(r'^    "(holdfast[\w |]*)",$', layers, re.MULTILINE)
    page = PAGE.read_text("utf-8")
    table = page.partition("| Packages | |\n| --- | --- |\n")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines()]
    assert rows == [row.split(" | ") for row in checked]
