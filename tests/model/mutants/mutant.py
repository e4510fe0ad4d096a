"""What a mutant is: the code with one of its promises taken out.

A mutant counts as caught only by a violation of a kind that it must lead to.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from model.schedule import Schedule
from support.store.script_edits import Edits


@dataclass(frozen=True)
class Mutant:
    """Scripts are changed in a copy, Python by replacing one function."""

    harm: str
    """what it does to somebody"""
    kinds: tuple[str, ...]
    """of the violation"""
    schedule: Schedule | None = None
    """the schedule in which it does so; None: chance finds one soon enough"""
    edits: Edits = field(default_factory=dict)
    patched: Callable[[], AbstractContextManager[object]] = nullcontext
