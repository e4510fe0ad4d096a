"""The line's model can fail: whoever takes one of its promises out of the scripts is found out.

Each mutant is one edit in a copy of the scripts; the stories that Hypothesis makes up must then
come to an answer, a counter or an event that the model does not allow. A mutant that the first
stories find is looked for in every run, the others in `make torture`.
"""

from pathlib import Path

import pytest
from conftest import TEST_LUA
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from support.line.records import Broken
from support.line.state_machine import Restless
from support.store.script_edits import Edits, edited_bundle, edited_texts

from holdfast_lua import StoreError

STORIES = 300
MANY_STORIES = 3_000
FOUND_AT_ONCE: dict[str, Edits] = {
    "the frontier passes the last number": {
        "advance_line.lua": (r"/ share, waiting\(\),\n", "/ share,\n")
    },
    "serving falls by one with each call": {
        "advance_line.lua": (
            r"set_line\(line, 'serving', last\)",
            "set_line(line, 'serving', last - 2)",
        )
    },
    "calls go on while the line is stopped": {
        "advance_line.lua": (r" and line.stopped_ms == 0\n", "\n")
    },
    "a checkpoint forgets who is outstanding": {
        "advance_line.lua": (
            r"return #oldest > 0 and .* or line.serving \+ 1",
            "return line.serving + 1",
        )
    },
    "the lobby is frozen with one place less": {
        "include/line/line.lua": (
            r"set_line\(line, 'lobby', line.issued\)",
            "set_line(line, 'lobby', math.max(0, line.issued - 1))",
        )
    },
    "tokens are not spent": {
        "include/line/line.lua": (
            r"count_tokens\(line, now_ms\) - count \* CONST.TOKEN",
            "count_tokens(line, now_ms)",
        )
    },
    "tokens are spent twice": {
        "include/line/line.lua": (
            r"count_tokens\(line, now_ms\) - count \* CONST.TOKEN",
            "count_tokens(line, now_ms) - 2 * count * CONST.TOKEN",
        )
    },
    "a pause moves no deadline": {
        "include/line/line.lua": (
            r"set_line\(line, 'shift_ms', line.shift_ms \+ sale.now_ms - line.stopped_ms\)",
            "",
        )
    },
    "an admission is not counted": {
        "include/line/line.lua": (r"set_line\(line, 'admitted', line.admitted \+ count\)", "")
    },
    "a number above the promised ones is given": {
        "join_line.lua": (
            r"math.max\(line.ceiling, ceiling\) - line.issued",
            "math.max(line.ceiling, ceiling) + 1 - line.issued",
        )
    },
    "a rebuilt line's clock begins anew": {
        "install_line.lua": (r"'shift_ms', now_ms - clock_ms", "'shift_ms', 0")
    },
    "numbers are given twice after a loss": {"install_line.lua": (r"  issued = ceiling\n", "")},
}
FOUND_LATER: dict[str, Edits] = {
    "an outage moves no deadline": {
        "include/line/line.lua": (r"return down and idle_ms or 0", "return 0")
    },
    "a claim before the first step pays for the outage": {
        "include/line/line.lua": (
            r"return now_ms - line.shift_ms - get_outage_ms\(line, now_ms\)",
            "return now_ms - line.shift_ms",
        )
    },
    "a rebuilt line calls others at once": {
        "install_line.lua": (
            r"local calls_from_ms = may_come and",
            "local calls_from_ms = false and",
        )
    },
    "the frontier skips somebody": {
        "advance_line.lua": (
            r"set_line\(line, 'serving', last\)",
            "set_line(line, 'serving', math.min(line.issued, last + 1))",
        )
    },
    "calls do not look at the cap": {
        "advance_line.lua": (
            r"tokens_ahead\(tokens\), slots, stock\)",
            "tokens_ahead(tokens), stock)",
        )
    },
    "calls do not look at those expected": {
        "advance_line.lua": (r"\(supply - expected\) / share", "supply / share")
    },
    "a no-show is counted twice": {
        "advance_line.lua": (
            r"set_line\(line, 'lapsed', line.lapsed \+ count\)",
            "set_line(line, 'lapsed', line.lapsed + 2 * count)",
        )
    },
    "a claim after the lapse is admitted": {
        "include/line/find_place.lua": (
            r"if range and range.deadline_ms > clock_ms then",
            "if range then",
        )
    },
    "a number is admitted again for another ticket": {
        "include/line/find_place.lua": (r"== 1 then\n", "== 2 then\n")
    },
    "tokens are not capped at the burst": {
        "include/line/rates.lua": (
            r"math.min\(get_most_tokens\(.*\), (bucket.tokens \+ .*)\)\n",
            r"\1\n",
        )
    },
    "the cap is off by one": {
        "include/line/line.lua": (
            r"local slots = line.cap - lost",
            "local slots = line.cap + 1 - lost",
        )
    },
    "stock set aside is given to others": {
        "include/line/line.lua": (r"\n    - count_sessions\(unheld_key, sale.now_ms\)", "")
    },
    "the unheld are forgotten at once": {
        "include/line/line.lua": (r"redis.call\('ZADD', keys.unheld, unpack\(firsts\)\)", "")
    },
    "a range that grows loses its first numbers": {
        "include/line/ranges.lua": (
            r"range.first, range.count = newest.first, newest.count \+ count",
            "range.count = newest.count + count",
        )
    },
    "the deferred are not expected": {
        "include/line/calls.lua": (r"young_shown\) \+ waiting,", "young_shown),")
    },
    "the lower number does not go first": {
        "include/line/retries.lua": (r"'-inf', string.format\('\(%.0f', number\)", "'-inf', '-inf'")
    },
    "a deferred visitor stays deferred when admitted": {
        "claim_pass.lua": (r"  redis.call\('ZREM', keys.deferred, number\)\n", "")
    },
    "who was admitted is waited for": {"claim_pass.lua": (r"  forget_retry\(keys, number\)\n", "")},
    "asking again moves no deadline": {
        "claim_pass.lua": (
            r"redis.call\('ZADD', keys.deferred,",
            "redis.call('ZADD', keys.deferred, 'NX',",
        )
    },
    "the deferred come back too late": {
        "claim_pass.lua": (
            r"\(1 \+ before - tokens\) \* CONST.TOKEN",
            "(2 + before - tokens) * CONST.TOKEN",
        )
    },
    "a claim is let in while the line is stopped": {
        "claim_pass.lua": (r"if line.stopped_ms > 0 then .* end", "")
    },
    "a rebuilt line begins with a full bucket": {
        "install_line.lua": (r"rebuilt and 0 or get_most_tokens", "get_most_tokens")
    },
    "a slot is kept without a hold": {
        "advance_line.lua": (r"  end_sessions\(idle, 'unused'\)\n", "")
    },
    "a slot that nobody wants is taken": {
        "advance_line.lua": (r"floor\(tokens_ahead\(tokens\)\)\) - math.max\(0, slots\)", "huge)")
    },
    "a rebuild forgets who was served": {
        "install_line.lua": (r"if ARGV.shown ~= '' then .* end\n", "\n")
    },
    "a rebuild forgets the deferred": {
        "include/line/restore_calls.lua": (
            r"redis.call\('ZADD', keys.deferred, deadline, number\)",
            "",
        )
    },
    "who stands behind a gap is called with it": {
        "include/line/ranges.lua": (
            r"return GAP.last\(gap\), before, true",
            "return GAP.last(gap), before, false",
        )
    },
    "a session that is taken up needs a second slot": {
        "claim_pass.lua": (r"set_line\(line, 'lost_active', line.lost_active - 1\)", "")
    },
}
FOUND_SELDOM: dict[str, Edits] = {
    "asking again does not count as asking": {
        "include/line/retries.lua": (
            r"redis.call\('ZADD', keys.retried,",
            "redis.call('ZADD', keys.retried, 'NX',",
        )
    },
    "an outage takes the call of a gap": {
        "include/line/line.lua": (r" or clock_ms < line.gap_until_ms\n", "\n")
    },
    "a rebuilt line does not know that a gap was called": {
        "install_line.lua": (r"local gaps_are_called = .*\n", "local gaps_are_called = false\n")
    },
    "a gap counts as people": {"include/line/ranges.lua": (r"  return missing\n", "  return 0\n")},
    "a session is taken up twice": {
        "include/line/find_place.lua": (
            r"return marks\[1\] == 0 and marks\[2\] == 0",
            "return true",
        )
    },
    "a session is renewed for ever": {"renew_pass.lua": (r"if limit_ms > 0 then .* end\n", "\n")},
    "the quiet go in while the line is stopped": {
        "join_line.lua": (r"if line.stopped_ms > 0 or clock_ms", "if clock_ms")
    },
    "newcomers go straight in past those of before a loss": {
        "join_line.lua": (r" or clock_ms < line.calls_from_ms then return 0", " then return 0")
    },
    "the quiet shortcut ignores the cap": {"join_line.lua": (r"slots - pending, stock", "stock")},
    "the quiet shortcut ignores the tokens": {
        "join_line.lua": (r"math.floor\(tokens - pending\), ", "")
    },
    "who came lapses with the others": {
        "advance_line.lua": (r"range.last, range.count - came\)", "range.last, range.count)")
    },
    "a pass that comes back takes a second slot": {
        "return_pass.lua": (r"redis.call\('HINCRBY', KEYS.line, 'lost_active', -1\)", "")
    },
    "a stray from before a loss is not counted": {
        "advance_line.lua": (r"if came > range.count then", "if false then")
    },
    "those lost with the store need no slot": {
        "include/line/line.lua": (r"local slots = line.cap - lost -", "local slots = line.cap -")
    },
    "a call lapses a millisecond early": {
        "include/line/find_place.lua": (
            r"range.deadline_ms > clock_ms",
            "range.deadline_ms > clock_ms + 1",
        )
    },
    "a session lasts a millisecond longer": {
        "include/shared/sessions.lua": (
            r"if deadline_ms and deadline_ms > now_ms",
            "if deadline_ms and deadline_ms >= now_ms",
        )
    },
    "who came is expected still": {
        "include/line/calls.lua": (r"young_called \* share - young_shown", "young_called * share")
    },
    "the quiet go in past who waits": {
        "join_line.lua": (r" or line.issued > line.serving then return 0", " then return 0")
    },
    "who asked long ago is waited for": {
        "include/line/retries.lua": (r"math.min\(CONST.RETRY_MS,", "math.min(2 * CONST.RETRY_MS,")
    },
}
"""found in some hundred stories, or in up to MANY_STORIES"""
ALL = FOUND_AT_ONCE | FOUND_LATER | FOUND_SELDOM


def test_every_mutant_can_be_made() -> None:
    """Here for all of them: `make torture` would be late to find that a script was rewritten."""
    for edits in ALL.values():
        assert edited_texts(edits)


@pytest.mark.parametrize(
    "name",
    [
        *FOUND_AT_ONCE,
        *(pytest.param(name, marks=pytest.mark.torture) for name in FOUND_LATER | FOUND_SELDOM),
    ],
)
def test_line_mutant_is_caught(store_url: str, tmp_path: Path, name: str) -> None:
    scripts = edited_bundle(ALL[name], tmp_path, TEST_LUA / "still_clock.lua")
    # A class of its own: what is remembered of another mutant's stories would be told again.
    machine = type("Mutated", (Restless,), {"store_url": store_url, "scripts": scripts})
    with pytest.raises((Broken, StoreError)):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=MANY_STORIES if name in FOUND_SELDOM else STORIES,
                stateful_step_count=40,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )
