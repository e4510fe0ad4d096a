"""Mutants of the simulator's rules: one wrong line each, which the comparison has to find."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from inspect import getsource
from typing import Any, Final

RULES: Final = "holdfast_simulator.rules."
USERS: Final = ("holdfast_simulator.", "support.simulator.")


@dataclass(frozen=True)
class Mutant:
    """A rule broken by another text in its module."""

    rule: str
    module: str
    right: str
    wrong: str


MUTANTS: Final = (
    Mutant("the bucket holds two ticks of rate", "line", "rate * 2 * TICK_MS", "rate * TICK_MS"),
    Mutant("an admission spends a token", "line", "- count * TOKEN)", "- TOKEN // 2)"),
    Mutant("tokens are settled before the rate changes", "line",
           "self.tokens, self.tokens_ms = self.level(now_ms), now_ms\n        self.terms",
           "self.terms"),
    Mutant("sessions are no more than the cap", "line",
           "slots = terms.cap -", "slots = 1 + terms.cap -"),
    Mutant("stock is set aside for who has yet to hold", "line",
           "return units - self.unheld.count(now_ms)", "return units"),
    Mutant("lower numbers that retry go first", "line",
           "if min(tokens, slots, stock) < 1 + before", "if min(tokens, slots, stock) < 1"),
    Mutant("who stops claiming is not waited for", "line",
           "clock_ms - min(RETRY_MS, self.terms.claim_ms)", "clock_ms - 10 * RETRY_MS"),
    Mutant("a deferred visitor has a deadline of their own", "line",
           "self.deferred.set(number, clock_ms + self.terms.claim_ms)",
           "self.deferred.set(number, clock_ms + 2 * self.terms.claim_ms)"),
    Mutant("the line's clock stands still while it is stopped", "line",
           "self.shift_ms += now_ms - self.stopped_ms", "pass"),
    Mutant("an outage costs nobody a place", "line_step", "line.shift_ms += outage_ms", "pass"),
    Mutant("nobody goes straight in past who was called", "line",
           "if self.outstanding else 0", "if self.outstanding < 0 else 0"),
    Mutant("calls within a second share a range", "ranges", "< RANGE_MS and", "< 0 and"),
    Mutant("a call's deadline never falls", "ranges",
           "deadline_ms = max(deadline_ms, newest.deadline_ms)", "pass"),
    Mutant("a call ends at its deadline", "ranges",
           "deadline_ms <= clock_ms", "deadline_ms < clock_ms"),
    Mutant("ended ranges leave a memory", "ranges", "self._remember(ranges[until])", "pass"),
    Mutant("young calls are still expected", "ranges", "young_called * share - young_came", "0.0"),
    Mutant("calls run ahead of the tokens", "line_step",
           "1.5 * poll_ms", "1.0 * poll_ms"),
    Mutant("idle sessions give way when slots are wanted", "line_step",
           "if _give_up_slots(line, now_ms, others, room):", "if False:"),
    Mutant("a sweep of sessions is bounded and comes with the step", "line_step",
           "changed |= _end_sessions(line, line.active.passed(now_ms, SWEEP_MAX))", "pass"),
    Mutant("a hold prolongs its session", "pass_holds",
           "line.active.extend(number, line.stock.holds[number].expires_ms)", "pass"),
    Mutant("a hold ends at its deadline", "stock",
           "hold.expires_ms <= now_ms", "hold.expires_ms < now_ms"),
    Mutant("paying lasts as long as a hold may", "stock",
           "hold.status, hold.expires_ms = PAYING, hold.latest_ms", "hold.status = PAYING"),
    Mutant("what has lapsed is on sale again", "stock", "        self.free += hold.units\n", ""),
)  # fmt: skip


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """The rules with the mutant in them, and as they were afterwards."""
    module = import_module(RULES + mutant.module)
    source = getsource(module)
    assert source.count(mutant.right) == 1, mutant
    before = dict(vars(module))
    changed: list[tuple[Any, str, Any]] = []
    try:
        broken = source.replace(mutant.right, mutant.wrong)
        exec(compile(broken, str(module.__file__), "exec"), vars(module))  # noqa: S102 - our own
        for name, old in before.items():
            if getattr(old, "__module__", None) == module.__name__:
                changed += _replaced(name, old, vars(module)[name])
        yield
    finally:
        vars(module).update(before)
        for user, name, old in changed:
            setattr(user, name, old)


def _replaced(name: str, old: Any, new: Any) -> list[tuple[Any, str, Any]]:
    """Gives those who imported a name the new one; answers what to undo."""
    users = [m for key, m in sys.modules.items() if key.startswith(USERS)]
    found = [user for user in users if vars(user).get(name) is old]
    for user in found:
        setattr(user, name, new)
    return [(user, name, old) for user in found]
