"""Ends a process at a step of what it does, by `os._exit`: no finally, no rollback.

A step is named after what it stands before or behind: `before begin_confirm`, `after join_line 2`
(the second time that script has run), `refused update_line` (it declined), `after Sell` (an intent
of the ledger).
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from holdfast_lua import Bundle, Executor
from holdfast_lua.client.wire import Argument

KILLED: Final = 9


def crash_at(crash_point: str, here: str) -> None:
    if crash_point == here:
        os._exit(KILLED)


class CrashingExecutor(Executor):
    """The store, with a crash before a script, after it has done its work, or refused to."""

    def __init__(self, url: str, bundle: Bundle) -> None:
        super().__init__(url, bundle)
        self.crash_point = ""
        """none at first: what leads to the action is not yet the action"""
        self.waits = ""
        """the step before which the process is held, until the file `gate` is there"""
        self.gate = Path()
        self._steps: Counter[str] = Counter()

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        if not self.crash_point:
            return await super().run(name, keys, args)
        before = self._step(f"before {name}")
        crash_at(self.crash_point, before)
        if self.waits == before:
            _wait_at(self.gate)
        reply = await super().run(name, keys, args)
        crash_at(self.crash_point, self._step(f"{'after' if reply[0] >= 0 else 'refused'} {name}"))
        return reply

    def _step(self, step: str) -> str:
        """The step, and the how-manieth of its kind it is."""
        self._steps[step] += 1
        return step if self._steps[step] == 1 else f"{step} {self._steps[step]}"


def _wait_at(gate: Path) -> None:
    """The whole process stands still here, as one that gets no processor time."""
    gate.with_suffix(".reached").touch()
    while not gate.exists():
        time.sleep(0.01)
