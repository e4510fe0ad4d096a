"""The least that a useful script does: two commands. The yardstick of what a script call costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast_lua import Bundle, load_bundle

NAME: Final = "run_bench"
SOURCE: Final = """-- Benchmark script: two commands, the least that a useful script does.
-- KEYS: counter last
-- ARGV: payload...
-- Returns {code, count}: OK.

redis.call('SET', KEYS[2], ARGV[1])
return { CODE.OK, redis.call('INCR', KEYS[1]) }
"""
COUNTER: Final = "hf:{bench}:counter"
KEYS: Final = (COUNTER, "hf:{bench}:last")
PAYLOAD: Final = "a payload of forty bytes or thereabouts"


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A call of the script, for a client that knows nothing of bundles."""

    sha: str
    args: tuple[str, ...]
    keys: tuple[str, ...] = KEYS

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command, all of them text."""
        return ("EVALSHA", self.sha, str(len(self.keys)), *self.keys, *self.args)


def bundle_with_it(directory: Path) -> Bundle:
    """The production scripts and this one, which is written to the directory."""
    (directory / f"{NAME}.lua").write_text(SOURCE)
    return load_bundle(extra=directory)
