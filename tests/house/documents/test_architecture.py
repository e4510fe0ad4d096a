"""docs/architecture.md: the way of each kind of request, in few steps that name their files."""

import re
from pathlib import Path
from typing import Final

import pytest
from support.source_tree import ROOT, plant

PAGE: Final = ROOT / "docs" / "architecture.md"
STEPS_MIN: Final = 5
STEPS_MAX: Final = 12
LAYERS_MIN: Final = 6
WAYS: Final = ("Poll", "Join", "Claim", "Hold", "Confirm", "Rebuild", "PATCH")
_STEP: Final = re.compile(r"^(\d+)\. \*\*[^*]+\*\* \(\[(\S+)\]\(\.\./(\S+)\)\): \S", re.MULTILINE)
_NUMBER: Final = re.compile(r"^\d+\. ", re.MULTILINE)


def faults_of(way: str, page: str, root: Path) -> list[str]:
    """What is wrong with the steps of a way: few, numbered, each with a file that is there."""
    section = page.partition(f"\n### {way}\n")[2]
    text = re.split(r"^##", section, maxsplit=1, flags=re.MULTILINE)[0]
    steps = _STEP.findall(text)
    numbers = [int(number) for number, _, _ in steps]
    found = []
    if numbers != list(range(1, len(_NUMBER.findall(text)) + 1)):
        found.append(f"{way}: a step has no file, or not its number: {numbers}")
    if not STEPS_MIN <= len(steps) <= STEPS_MAX:
        found.append(f"{way}: {len(steps)} steps")
    return found + [
        f"{way}: {name} is not {path}"
        for _, name, path in steps
        if Path(path).name != name or not (root / path).is_file()
    ]


def layers_of(project: str) -> list[list[str]]:
    """The layers that import-linter checks, the highest first."""
    layers = project.partition("layers = [")[2].partition("]")[0]
    checked = re.findall(r'^    "(holdfast[\w |]*)",$', layers, re.MULTILINE)
    return [row.split(" | ") for row in checked]


def table_of_layers(page: str) -> list[list[str]]:
    """The layers that the page shows."""
    table = page.partition("| Packages | |\n| --- | --- |\n")[2].partition("\n\n")[0]
    return [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines()]


@pytest.mark.parametrize("way", WAYS)
def test_way_of_a_request_has_few_steps_each_with_its_file(way: str) -> None:
    assert faults_of(way, PAGE.read_text("utf-8"), ROOT) == []


def test_layers_are_those_that_are_checked() -> None:
    layers = layers_of((ROOT / "pyproject.toml").read_text("utf-8"))
    assert len(layers) >= LAYERS_MIN
    assert table_of_layers(PAGE.read_text("utf-8")) == layers


STEPS: Final = "".join(
    f"{n}. **It goes on** ([a.py](../queue/a.py)): further.\n" for n in range(1, 7)
)


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("3. **It", "4. **It", "Poll: a step has no file, or not its number: [1, 2, 4, 4, 5, 6]"),
        (
            "6. **It goes on** ([a.py](../queue/a.py))",
            "6. It goes on",
            "Poll: a step has no file, or not its number: [1, 2, 3, 4, 5]",
        ),
        (STEPS[:200], "", "Poll: 2 steps"),
        (
            "../queue/a.py)): further.\n6",
            "../queue/b.py)): further.\n6",
            "Poll: a.py is not queue/b.py",
        ),
        (
            "../queue/a.py)): further.\n6",
            "../line/a.py)): further.\n6",
            "Poll: a.py is not line/a.py",
        ),
    ],
)
def test_fault_of_a_way_is_found(right: str, wrong: str, fault: str, tmp_path: Path) -> None:
    plant(tmp_path, "queue/a.py", "")
    page = f"# Ways\n\n### Poll\n\n{STEPS}\n### Join\n\n1. Else.\n"
    assert faults_of("Poll", page, tmp_path) == []
    assert fault in faults_of("Poll", page.replace(right, wrong, 1), tmp_path)


def test_layer_that_the_page_lacks_is_found() -> None:
    project = 'layers = [\n    "holdfast",\n    "holdfast_queue | holdfast_web",\n]'
    page = "| Packages | |\n| --- | --- |\n| `holdfast` | x |\n| `holdfast_queue` | y |\n\nEnd"
    assert layers_of(project) == [["holdfast"], ["holdfast_queue", "holdfast_web"]]
    assert table_of_layers(page) != layers_of(project)
    assert table_of_layers(page.replace("queue`", "queue`, `holdfast_web`")) == layers_of(project)
