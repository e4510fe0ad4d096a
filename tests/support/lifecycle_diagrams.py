"""The state diagrams of docs/lifecycles.md, as the tests compare them with the code.

A diagram is what is drawn: an arrow for each pair of states, labelled with everything that leads
from one to the other. An arrow from a box leads from every state in it, an arrow to a box to every
one. `[*]` stands for what is not there, yet or any more. What leaves a state as it is has no arrow.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "lifecycles.md"
NOWHERE: Final = "[*]"
_ARROW: Final = re.compile(r"(\S+) --> (\S+): (.+)")
_BOX: Final = re.compile(r"state (\w+) \{")
_MEMBER: Final = re.compile(r"\w+")
_CELL: Final = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


class Arrow(NamedTuple):
    """One way from a state to another, and what leads along it."""

    origin: str
    target: str
    cause: str


@dataclass(frozen=True)
class Diagram:
    """What a section of the page says: the arrows drawn, and the states that its table explains."""

    arrows: frozenset[Arrow]
    explained: tuple[str, ...]

    @property
    def states(self) -> set[str]:
        """Those that an arrow leads from or to."""
        return {state for arrow in self.arrows for state in arrow[:2]} - {NOWHERE}


def read_diagram(heading: str, page: str | None = None) -> Diagram:
    """The diagram and the table under a heading."""
    text = PAGE.read_text("utf-8") if page is None else page
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    drawn = section.partition("```mermaid\nstateDiagram-v2\n")[2].partition("```")[0]
    return Diagram(frozenset(_arrows(drawn.splitlines())), tuple(_CELL.findall(section)))


def _arrows(lines: Iterable[str]) -> Iterator[Arrow]:
    boxes: dict[str, list[str]] = {}
    drawn: list[tuple[str, str, str]] = []
    inside: str | None = None
    for line in map(str.strip, lines):
        if box := _BOX.fullmatch(line):
            boxes[inside := box[1]] = []
        elif line == "}":
            inside = None
        elif arrow := _ARROW.fullmatch(line):
            drawn.append((arrow[1], arrow[2], arrow[3]))
        elif inside is not None and _MEMBER.fullmatch(line):
            boxes[inside].append(line)
        elif line:
            raise ValueError(f"neither an arrow nor a box: {line}")
    for origins, targets, causes in drawn:
        for origin in boxes.get(origins, [origins]):
            for target in boxes.get(targets, [targets]):
                yield from (Arrow(origin, target, cause) for cause in causes.split(", "))


def changes(seen: Iterable[tuple[str, str, str]]) -> set[Arrow]:
    """What was seen, without what has left the state as it was."""
    return {Arrow(*arrow) for arrow in seen if arrow[0] != arrow[1]}
