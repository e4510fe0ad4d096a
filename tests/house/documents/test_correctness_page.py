"""docs/correctness.md: whatever it says is tested, is."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "correctness.md"
MIN_ROWS = 50


def rows() -> list[str]:
    """The lines of the tables whose last column is a test."""
    kept: list[str] = []
    named = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            named = False
        elif line.endswith("| Test |"):
            named = True
        elif named and not line.startswith("| ---"):
            kept.append(line)
    return kept


def known_tests() -> set[str]:
    """The names of all test functions, as Python reads them."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
    return found


def test_every_row_names_a_test() -> None:
    assert len(rows()) >= MIN_ROWS
    nameless = [row for row in rows() if not re.fullmatch(r".*\| `test_\w+` \|", row)]
    assert nameless == []


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert sorted(named - known_tests()) == []


def test_invariants_are_numbered_without_a_gap() -> None:
    numbers = re.findall(r"^\| I(\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


def test_every_crash_that_leaves_something_names_who_repairs_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| Repaired by | Test |\n| --- | --- | --- | --- |\n")[2]
    rows_of_it = table.partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows_of_it]
    assert len(cells) >= MIN_ROWS
    orphans = [step for step, left, by, _ in cells if not by and not left.startswith("nothing")]
    assert orphans == []
