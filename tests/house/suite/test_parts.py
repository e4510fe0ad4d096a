"""`make torture PART=K/N`: after N runs, one for each K, every test has had its turn."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.parts import Part

PARTS = 2
TESTS = """
import pytest
@pytest.mark.parametrize("number", range(5))
def test_chosen(number): pass
def test_other(): pass
"""


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "-1/3", "a/b", "1/3/5", "0/0", "1.5/3"])
def test_part_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        Part.parse(text)


@pytest.mark.parametrize("of", [1, 2, 20])
def test_each_place_of_the_list_is_in_one_part(of: int) -> None:
    parts = [Part(number, of) for number in range(1, of + 1)]
    assert all(sum(part.takes(index) for part in parts) == 1 for index in range(3 * of + 1))


def run_part(number: int, file: Path) -> list[str]:
    """The tests that pytest runs of a part."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "support.parts",
        "-v",
        "-k",
        "chosen",
        str(file),
    ]
    ran = subprocess.run(
        [*command, "-c", "/dev/null", "--part", f"{number}/{PARTS}"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return re.findall(r"::(\S+) PASSED", ran.stdout)


def test_parts_are_those_of_the_chosen_tests(tmp_path: Path) -> None:
    file = tmp_path / "test_them.py"
    file.write_text(TESTS)
    first, second = (run_part(number, file) for number in (1, 2))
    assert first == ["test_chosen[0]", "test_chosen[2]", "test_chosen[4]"]
    assert second == ["test_chosen[1]", "test_chosen[3]"]
