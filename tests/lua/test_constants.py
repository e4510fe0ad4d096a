"""Numbers that the service and the scripts share: used, and in keeping with what can be set."""

import re

import pytest

from holdfast.config import Config
from holdfast_lua.bundle.loader import LUA_DIR
from holdfast_lua.bundle.substitutes import LAYOUTS, NUMBERS
from holdfast_lua.calls import constants
from holdfast_queue.line import presence, refresh_interval, settings

_LUA = "\n".join(path.read_text(encoding="utf-8") for path in LUA_DIR.rglob("*.lua"))


@pytest.mark.parametrize("name", NUMBERS["CONST"])
def test_constant_is_used_by_a_script(name: str) -> None:
    assert re.search(rf"\bCONST\.{name}\b", _LUA)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_is_used_by_a_script(name: str) -> None:
    assert re.search(rf"\b{name}\.\w", _LUA)


def test_shortest_claim_window_leaves_a_called_visitor_two_polls() -> None:
    assert settings.MIN_WINDOW_MS >= 2 * constants.POLL_LEAST_MS


def test_deferred_visitor_claims_again_before_nobody_waits_for_them() -> None:
    assert constants.RETRY_MS > constants.POLL_MS * (1 + refresh_interval.JITTER)


def test_usual_tick_is_no_outage_and_no_step_too_early() -> None:
    assert Config().tick_ms == constants.TICK_MS > constants.MIN_STEP_MS
    assert constants.OUTAGE_MS > constants.OUTAGE_STEPS * constants.TICK_MS


def test_window_of_presence_is_kept_until_it_is_reported() -> None:
    assert constants.PRESENCE_KEPT_MS >= 2 * presence.WINDOW_MS
