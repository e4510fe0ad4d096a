"""A range that a setting allows is in keeping with the constants of scripts that it meets.

Every constant stands in a check, or among those that no setting meets; so whoever adds one says
which it is.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, get_args

import pytest

from holdfast.config import Config, Milliseconds
from holdfast_lua.bundle.substitutes import NUMBERS
from holdfast_queue.line import presence, refresh_interval, settings

CONSTANTS: Final = NUMBERS["CONST"]
LONGEST_TICK_MS: Final = max(at.le for at in get_args(Milliseconds) if hasattr(at, "le"))
EXACT: Final = 2**53
"""up to which a Lua number counts whole units"""


class Check(NamedTuple):
    """What must hold of constants and settings, and a constant with which it does not."""

    holds: Callable[[Any], bool]
    breach: Mapping[str, float]


CHECKS: Final = {
    "the shortest claim window leaves a called visitor two polls": Check(
        lambda const: settings.MIN_WINDOW_MS >= 2 * const.POLL_LEAST_MS, {"POLL_LEAST_MS": 501}
    ),
    "a deferred visitor claims again before nobody waits for them": Check(
        lambda const: const.RETRY_MS > const.POLL_MS * (1 + refresh_interval.JITTER),
        {"RETRY_MS": 2_000},
    ),
    "the usual tick is that of the settings, and no step too early": Check(
        lambda const: Config().tick_ms == const.TICK_MS > const.MIN_STEP_MS, {"MIN_STEP_MS": 250}
    ),
    "the usual tick is no outage": Check(
        lambda const: const.OUTAGE_MS > const.OUTAGE_STEPS * const.TICK_MS, {"OUTAGE_MS": 750}
    ),
    # The longest tick, and twice as long once, when a round was slow.
    "every tick that the settings allow is told from an outage": Check(
        lambda const: const.OUTAGE_STEPS * LONGEST_TICK_MS <= const.OUTAGE_MAX_MS,
        {"OUTAGE_STEPS": 4},
    ),
    "a window of presence is kept until it is reported": Check(
        lambda const: const.PRESENCE_KEPT_MS >= 2 * presence.WINDOW_MS, {"PRESENCE_KEPT_MS": 1}
    ),
    "tokens are counted exactly, in a full bucket and over the longest gap": Check(
        lambda const: (
            settings.MAX_RATE_PER_MINUTE * const.OUTAGE_MAX_MS + settings.MAX_BURST * const.TOKEN
            < EXACT
        ),
        {"TOKEN": EXACT},
    ),
}
WITHOUT_SETTING: Final = {
    # How the share of those who come, the pace and the stays are measured.
    *("RANGE_MS", "LOOK_BACK", "SHARE_PRIOR", "SHARE_MIN", "SHARE_MEMORY", "PACE_MS"),
    *("STAYS_EVERY_MS", "STAYS_MEMORY_MIN"),
    # How much one script does, and how many calls are out at most.
    *("SWEEP_MAX", "SWEEP_BEFORE_MAX", "RETRY_SWEEP_MAX"),
    *("OUTSTANDING_FLOOR", "OUTSTANDING_FACTOR"),
    # What one visitor or buyer may do, and how often, whatever the sale.
    *("POLLS_PER_WINDOW", "EXTEND_LEAST_MS", "ENDS_AT_ONCE", "END_EVERY_MS"),
}


class _Noting(SimpleNamespace):
    """Constants, and which of them were read."""

    def __init__(self, constants: Mapping[str, float]) -> None:
        super().__init__(constants=constants, read=set())

    def __getattr__(self, name: str) -> float:
        self.read.add(name)
        return float(self.constants[name])


def unchecked(constants: Mapping[str, float]) -> set[str]:
    """The constants of which nobody has said whether a setting meets them."""
    noting = _Noting(constants)
    for check in CHECKS.values():
        check.holds(noting)
    read: set[str] = noting.read
    assert not read & WITHOUT_SETTING
    return set(constants) - read - WITHOUT_SETTING


@pytest.mark.parametrize("what", CHECKS)
def test_range_is_in_keeping_with_the_constants(what: str) -> None:
    holds, breach = CHECKS[what]
    assert holds(SimpleNamespace(**CONSTANTS))
    assert not holds(SimpleNamespace(**{**CONSTANTS, **breach}))


def test_every_constant_is_checked_or_meets_no_setting() -> None:
    assert unchecked(CONSTANTS) == set()
    assert CONSTANTS.keys() >= WITHOUT_SETTING


def test_constant_that_nobody_has_checked_is_found() -> None:
    assert unchecked({**CONSTANTS, "CLAIM_LEAST_MS": 20}) == {"CLAIM_LEAST_MS"}
