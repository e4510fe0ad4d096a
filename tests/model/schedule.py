"""Random schedules: what one is, and how it is drawn from a seed.

A schedule is a list of steps, each a kind and three numbers that are taken modulo whatever there is
to choose from at that moment. So every sub-list of a schedule is a schedule again, which makes
shrinking plain: leave steps out as long as the run still fails in the same way. The same seed gives
the same steps, ids and picks; nothing in a run depends on a clock or on chance beside it.
"""

import random
from dataclasses import dataclass
from typing import Final

from model.reference.terms import Violation
from model.sale import POLICIES, Policy

STEPS: Final = (30, 60)
"""so many at least, so many at most"""

WEIGHTS: Final = {
    "start": 30,
    "perform": 26,
    "deliver": 30,
    "run": 8,
    "batch": 5,
    "lose_answer": 3,
    "not_sent": 2,
    "crash_before": 3,
    "crash_after": 3,
    "time": 9,
    "wipe": 1,
    "snapshot": 1,
    "roll_back": 1,
}
"""how often each kind of step is drawn"""
OPERATIONS: Final = {
    "hold": 30,
    "repeat_hold": 4,
    "extend": 5,
    "release": 8,
    "cancel": 3,
    "begin_paying": 10,
    "confirm": 22,
    "confirm_wrong_amount": 2,
    "confirm_other_order": 3,
    "refund": 6,
    "refund_part": 5,
    "sweep": 4,
    "recover": 8,
    "block": 5,
    "unblock": 3,
    "change_lifecycle": 3,
    "release_allotment": 2,
    "refresh": 3,
}
"""how often each is what is asked for; a step's first number is a place in this table"""


@dataclass(frozen=True)
class Step:
    """One thing that a schedule does; its numbers choose among what there is."""

    kind: str
    a: int = 0
    b: int = 0
    c: int = 0


@dataclass(frozen=True)
class Schedule:
    """Steps on a sale with this policy for late payments."""

    policy: Policy
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        lines = [f"    Step({m.kind!r}, {m.a}, {m.b}, {m.c})," for m in self.steps]
        return f"Schedule({self.policy!r}, (\n" + "\n".join(lines) + "\n))"


@dataclass(frozen=True)
class Failure:
    """A schedule that fails, how, and what happened in it."""

    schedule: Schedule
    violation: BaseException
    lines: tuple[object, ...]

    @property
    def kind(self) -> str:
        found = self.violation
        return found.kind if isinstance(found, Violation) else type(found).__name__

    def __str__(self) -> str:
        trace = "\n".join(str(line) for line in self.lines)
        return f"{self.violation!r}\n{self.schedule}\n{trace}"


@dataclass(frozen=True)
class Run:
    """What happened in a run, and what was wrong with it."""

    lines: tuple[object, ...]
    failure: Failure | None

    @property
    def trace(self) -> list[str]:
        """What happened, in words."""
        return [str(line) for line in self.lines]


def drawn(seed: int) -> Schedule:
    """The schedule of a seed."""
    dice = random.Random(seed)
    kinds = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=dice.randint(*STEPS))
    steps = []
    for kind in kinds:
        if kind in ("start", "perform"):
            a = dice.choices(range(len(OPERATIONS)), list(OPERATIONS.values()))[0]
        else:
            a = dice.randrange(99)
        steps.append(Step(kind, a, dice.randrange(1000), dice.randrange(1000)))
    return Schedule(dice.choice(POLICIES), tuple(steps))
