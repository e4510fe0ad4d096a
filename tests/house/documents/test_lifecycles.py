"""docs/lifecycles.md: how it is read, and that its tables explain what its diagrams show.

That the diagrams are those of the code is tested where the code is: tests/ledger for orders,
tests/inventory for holds, tests/queue for tickets, tests/holdfast for sales and epochs.
"""

import re

import pytest
from support.lifecycle_diagrams import PAGE, Arrow, changes, read_diagram

HEADINGS = ("A sale", "A ticket", "A hold", "An order", "An epoch")
DRAWN = """
## A lamp

```mermaid
stateDiagram-v2
    state lit {
        dim
        bright
    }
    [*] --> off: made
    off --> dim: press, turn
    lit --> off: press
```

| State | Meaning | Ends |
| --- | --- | --- |
| `off` | dark | press |

## Another
"""


def test_page_has_the_five_lives() -> None:
    assert tuple(re.findall(r"^## (.*)$", PAGE.read_text("utf-8"), re.MULTILINE)) == HEADINGS


@pytest.mark.parametrize("heading", HEADINGS)
def test_table_explains_every_state_once(heading: str) -> None:
    diagram = read_diagram(heading)
    assert len(diagram.states) >= 4
    assert sorted(diagram.explained) == sorted(diagram.states)


@pytest.mark.parametrize("heading", HEADINGS)
def test_section_names_the_test_of_its_diagram(heading: str) -> None:
    section = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (named,) = re.findall(r"^Tests: `(.+)`\.$", section, re.MULTILINE)
    assert f'read_diagram("{heading}")' in (PAGE.parents[1] / named).read_text("utf-8")


def test_arrows_of_boxes_are_those_of_their_states() -> None:
    diagram = read_diagram("A lamp", DRAWN)
    assert diagram.arrows == {
        Arrow("[*]", "off", "made"),
        Arrow("off", "dim", "press"),
        Arrow("off", "dim", "turn"),
        Arrow("dim", "off", "press"),
        Arrow("bright", "off", "press"),
    }
    assert diagram.explained == ("off",)


def test_line_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ValueError, match="off -> dim"):
        read_diagram("A lamp", DRAWN.replace("off --> dim: press, turn", "off -> dim"))


def test_what_stays_is_no_change() -> None:
    assert changes([("off", "off", "wait"), ("off", "dim", "press")]) == {("off", "dim", "press")}
