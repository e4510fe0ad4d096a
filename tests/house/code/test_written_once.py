"""No Lua file states what is declared in Python: positions, packings, shared numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from holdfast_lua.bundle.loader import LUA_DIR
from holdfast_lua.bundle.substitutes import NUMBERS

_COMMENT = re.compile(r"--[^\n]*")
_LOCALS = re.compile(r"\blocal ([\w, ]+?) = ([^\n]*)")
_NUMBER = re.compile(r"(?<![\w.'%])\d+(?:\.\d+)?(?![\w.])")
_UNPACKED = re.compile(r"\blocal (\w+) = cmsgpack\.unpack\(")
_CONSTANTS = NUMBERS["CONST"]
_TELLING = {value for value in _CONSTANTS.values() if value > 100 and str(value).strip("0") != "1"}
"""shared numbers that can hardly mean anything else"""


def _unless_named(found: re.Match[str]) -> str:
    """A number that a script names for itself is its own."""
    return "" if found[1].isupper() else found[0]


BREACHES = {
    "a key or an argument by its number": re.compile(r"\b(?:KEYS|ARGV)\[\d+\]"),
    "a packing by hand": re.compile(r"struct\.(?:un)?pack\(\s*'"),
    "a format of struct": re.compile(r"'[<>](?:[BHIbhidfs]\d*|c0)+'"),
    "the head of an array": re.compile(r"'\\(?:14[4-9]|15\d|220)"),
    "an item of a group by its number": re.compile(r"\[\w+ [+-] \d+\]"),
    "a group by its size": re.compile(r"\bfor \w+ = [^,\n]+, #\w+, [3-9]"),
}


def breaches(text: str) -> Iterator[str]:
    """What a Lua file says that it should not."""
    code = _COMMENT.sub("", text)
    for what, pattern in BREACHES.items():
        for found in pattern.finditer(code):
            yield f"{what}: {found[0]}"
    for name in _UNPACKED.findall(code):
        for found in re.finditer(rf"\b{name}\[\d+\]", code):
            yield f"a field by its number: {found[0]}"
    for names, values in _LOCALS.findall(code):
        if re.match(r"\d", values):
            for name in names.split(", "):
                if name in _CONSTANTS:
                    yield f"a shared number once more: {name}"
    for number in _NUMBER.findall(_LOCALS.sub(_unless_named, code)):
        if float(number) in _TELLING:
            yield f"a shared number: {number}"


def test_lua_states_nothing_that_is_declared_in_python() -> None:
    files = sorted(LUA_DIR.rglob("*.lua"))
    assert len(files) > 70
    found = {path.name: list(breaches(path.read_text(encoding="utf-8"))) for path in files}
    assert not {name: what for name, what in found.items() if what}


@pytest.mark.parametrize(
    "planted",
    [
        "local sale = redis.call('HGET', KEYS[1], 'name')",
        "return tonumber(ARGV[12])",
        "local first = struct.unpack('>I4', record)",
        "local RECORD = '>I4I2I4I2B'",
        "return '\\220\\0\\016' .. rest",
        "local quantity = areas[at + 1]",
        "if rows[at - 3] == position then return end",
        "for at = 1, #areas, 3 do take(areas[at]) end",
        "local field = cmsgpack.unpack(value)\nreturn field[9]",
        "local PACE_MS = 30000",
        "local LOOK_BACK, OTHER = 64, 1",
        "return math.exp(-age_ms / 30000)",
        "return math.max(burst, rate * 2 * 250)",
    ],
)
def test_planted_breach_is_found(planted: str) -> None:
    assert list(breaches(planted))


def test_what_a_script_may_say_is_no_breach() -> None:
    fine = """-- KEYS[1], 30000
local KEPT_MAX = 30
local stored = redis.call('HMGET', key, 'epoch', 'revision')
local entries = { stored[1], #stored + 1 }
for position = 1, #stored do entries[#entries + 1] = stored[position] end
"""
    assert not list(breaches(fine))
