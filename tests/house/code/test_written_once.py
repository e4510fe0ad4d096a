"""No Lua file states what is declared in Python: positions, packings, shared numbers.

Nor does Python read a reply by position: both sides have its fields from its layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from holdfast_lua.bundle.loader import LUA_DIR
from holdfast_lua.bundle.substitutes import NUMBERS

_COMMENT = re.compile(r"--[^\n]*")
_LOCALS = re.compile(r"\blocal ([\w, ]+?) = ([^\n]*)")
_NUMBER = re.compile(r"(?<![\w.'%])(?:0[xX][\da-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])")
_UNPACKED = re.compile(r"\blocal (\w+) = [^\n]*cmsgpack\.unpack\(")
_CONSTANTS = NUMBERS["CONST"]
_TELLING = {value for value in _CONSTANTS.values() if value > 100 and str(value).strip("0") != "1"}
"""shared numbers that can hardly mean anything else"""

OWN = {"MINUTE_MS", "KEEP_MS", "ANSWER_MAX", "BATCH", "LOOK_MAX", "NOTED_MAX"}
"""numbers of one script that are like shared ones by chance"""


def _unless_named(found: re.Match[str]) -> str:
    """A number that a script names for itself is its own, if it is like no shared one."""
    own = found[1].isupper() and not any(_is_shared(text) for text in _NUMBER.findall(found[2]))
    return "" if own or OWN & set(found[1].split(", ")) else found[0]


def _is_shared(number: str) -> bool:
    hexadecimal = number[:2].lower() == "0x"
    return (int(number, 16) if hexadecimal else float(number)) in _TELLING


BREACHES = {
    "a key or an argument by its number": re.compile(r"\b(?:KEYS|ARGV)\[\d+\]"),
    "a packing by hand": re.compile(r"struct\.(?:un)?pack\(\s*['\"\[]"),
    "a format of struct": re.compile(r"['\"\[][<>=](?:[BHIbhidfsx]\d*|c0)+['\"\]]"),
    "the head of an array": re.compile(
        r"['\"]\\(?:14[4-9]|15\d|22[01]|x(?:9[\da-f]|d[cd]))", re.IGNORECASE
    ),
    "an item of a group by its number": re.compile(r"\[\w+ ?[+-] ?\d+\]"),
    "a group by its size": re.compile(r"\bfor \w+ ?= ?[^,\n]+, ?#\w+, ?[3-9]"),
    "a field by its number": re.compile(r"unpack\([^()\n]*\)\)?\[\d+\]"),
    "a byte of a record by its place": re.compile(r"\bbyte\([^()\n]*,\s*[^()\n]*\d"),
    "a field of a reply by its number": re.compile(r"\]\[\d+\]"),
    "a reply by hand": re.compile(r"\{ ?(?:CODE\.\w+|code|refused|why)\s*,"),
    "a part of a record by its place": re.compile(r"\bsub\([^()\n]*[+-] ?(?:[2-9]|\d\d)"),
    "a letter of a seat's state": re.compile(
        r"""['"](?:\(\))?[fhbx]+\+?(?:\(\))?['"]|(?<=[{,])\s*[fhbx] = |\bmoved\.[fhbx]\b"""
    ),
}


ANSWERS = re.compile(r"\b(answer|refuse|refuse_after_sweep|commit_sale|commit_inventory)\(")
FIXED = {"answer": 2, "refuse": 2, "commit_sale": 2, "refuse_after_sweep": 3, "commit_inventory": 3}
"""how many arguments come before the values of a reply; several values are those of a layout"""

_FROM_STORE = re.compile(r"\b([\w, ]+) = [^\n]*redis\.call\(")
_FIELD = re.compile(r"\b([a-z]\w*)\[(?:[2-9]|\d\d+)\]")
"""the first of a list is no field: it may stand for all of them"""

BY_POSITION = re.compile(
    r"\b(?:raw|reply|answer|values)\[:?-?\d|(?<!\*)\*(?:raw|reply|answer|\w+\.values)\b|"
    r"^\s*\w+, .*= (?:raw|answer|values|reply|\w+\.values)$",
    re.MULTILINE,
)
"""how Python would read a reply that has no layout"""


def _count_arguments(code: str, at: int) -> int:
    """How many arguments stand between the bracket before `at` and the one that closes it."""
    depth, count = 0, 1
    for sign in code[at:]:
        if sign in ")}" and depth == 0:
            break
        depth += (sign in "({") - (sign in ")}")
        count += sign == "," and depth == 0
    return count


def _numbered_fields(code: str) -> Iterator[str]:
    """Fields that are read by their number, unless a command of the store has answered them."""
    of_store = {
        name.split()[-1] for names in _FROM_STORE.findall(code) for name in names.split(",")
    }
    for found in _FIELD.finditer(code):
        if found[1] not in of_store:
            yield f"a field by its number: {found[0]}"
    for name in _UNPACKED.findall(code):
        for found in re.finditer(rf"\b{name}\[\d+\]", code):
            yield f"a field by its number: {found[0]}"


def breaches(text: str) -> Iterator[str]:
    """What a Lua file says that it should not."""
    code = _COMMENT.sub("", text)
    for what, pattern in BREACHES.items():
        for found in pattern.finditer(code):
            yield f"{what}: {found[0]}"
    for found in ANSWERS.finditer(code):
        if _count_arguments(code, found.end()) > FIXED[found[1]] + 1:
            yield f"values of a reply by hand: {found[0]}"
    yield from _numbered_fields(code)
    for names, values in _LOCALS.findall(code):
        if re.match(r"\d", values):
            for name in names.split(", "):
                if name in _CONSTANTS:
                    yield f"a shared number once more: {name}"
    for number in _NUMBER.findall(_LOCALS.sub(_unless_named, code)):
        if _is_shared(number):
            yield f"a shared number: {number}"


def test_lua_states_nothing_that_is_declared_in_python() -> None:
    files = sorted(LUA_DIR.rglob("*.lua"))
    assert len(files) > 70
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    found = {name: list(breaches(text)) for name, text in texts.items()}
    assert not {name: what for name, what in found.items() if what}


def test_python_reads_replies_by_the_names_of_their_layouts() -> None:
    paths = [
        *(LUA_DIR / "calls").glob("*.py"),
        LUA_DIR / "history.py",
        LUA_DIR / "client/hold_batch.py",
    ]
    assert len(paths) > 15
    found = {path.name: BY_POSITION.findall(path.read_text(encoding="utf-8")) for path in paths}
    assert not {name: what for name, what in found.items() if what}


@pytest.mark.parametrize(
    "planted",
    [
        "code = Code(raw[0])",
        "nonce = reply[2].decode()",
        "return int(reply.values[0])",
        "return reply.values[-1]",
        "    lifecycle, opens_ms = reply.values",
        "    _, now_ms, *uids = answer",
        "cursor, holds = reply.values[:2]",
        "return HoldAges(*reply.values)",
        "return Sweep(*raw)",
    ],
)
def test_reply_read_by_position_is_found(planted: str) -> None:
    assert BY_POSITION.search(planted)


@pytest.mark.parametrize(
    "planted",
    [
        "local sale = redis.call('HGET', KEYS[1], 'name')",
        "mark_seats(row.states, start, count, 'h')",
        "move_seats(sale, keys, rows, seats, { f = true }, to)",
        "move_seats(sale, keys, rows, seats, { [from] = true, x = true }, to)",
        "for first, after in string.gmatch(row.states, '()f+()') do",
        "local free = moved.f or 0",
        "return tonumber(ARGV[12])",
        "local first = struct.unpack('>I4', record)",
        "local RECORD = '>I4I2I4I2B'",
        "return '\\220\\0\\016' .. rest",
        "local quantity = areas[at + 1]",
        "if rows[at - 3] == position then return end",
        "for at = 1, #areas, 3 do take(areas[at]) end",
        "local field = cmsgpack.unpack(value)\nreturn field[9]",
        "local field = last and cmsgpack.unpack(last) or {}\nreturn field[2]",
        "return cmsgpack.unpack(value)[1]",
        "return (cmsgpack.unpack(value))[1]",
        "return answer(sale, CODE.OK, ended, more)",
        "return refuse(sale, code, '', seats, find(areas, 1))",
        "return commit_inventory(sale, keys.events, CODE.OK, hold, 2)",
        "return { CODE.OK, epoch }",
        "return {code, sale.revision, sale.now_ms, ...}",
        "answers[n][5] = choosing_ms",
        "for _, said in ipairs(answers) do said[2] = sale.revision end",
        "local target, count = part[1], part[2]",
        "return { refused, sale.revision, sale.now_ms }",
        "return math.min(gap[2], upto)",
        "local kind = string.byte(record, 5)",
        "local kind = byte(record, at + 4)",
        "local row = sub(record, at + 4, at + 8)",
        'local first = struct.unpack(">I4", record)',
        'local RECORD = ">I4I2I4I2B"',
        "local RECORD = [[>I4I2]]",
        "return '\\xdc\\x00\\x10' .. rest",
        'return "\\220\\0\\016" .. rest',
        "local quantity = areas[at+1]",
        "return math.exp(-age_ms / 3e4)",
        "return math.exp(-age_ms / 0x7530)",
        "local PACE = 30000",
        "local SMOOTH_MS, OTHER = 1, 30000",
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
if gone then return refuse(sale, CODE.HOLD_UNKNOWN) end
if done then return commit_inventory(sale, keys.events, CODE.OK, pack(hold, 2)) end
if read then return answer(sale, CODE.OK, AREA.of(area = 1, quantity = f(2, 3), price = 4)) end
for position = 1, #stored do entries[#entries + 1] = stored[position] end
"""
    assert not list(breaches(fine))
