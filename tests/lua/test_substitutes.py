"""What is declared in Python and written into the scripts by the loader."""

import msgpack  # type: ignore[import-untyped]  # it has no stubs
import pytest
from support.inventory.hold_record import HELD

from holdfast_lua import BundleError, Code
from holdfast_lua.bundle.header import read_header
from holdfast_lua.bundle.substitutes import substitute
from holdfast_lua.calls import constants
from holdfast_lua.calls.layouts import Fields, Packed, pack_sequence
from holdfast_lua.calls.records import (
    HOLD,
    pack_hold,
    unpack_hold,
)

HEADER = read_header("s", "-- KEYS: sale seats\n-- ARGV: epoch\n--   seat...  dense index\n")


@pytest.mark.parametrize(
    ("lua", "written"),
    [
        ("CODE.OK", f"({int(Code.OK)} --[[OK]])"),
        ("CONST.PACE_MS", f"({constants.PACE_MS} --[[PACE_MS]])"),
        ("STATUS.PAYING", "(2 --[[PAYING]])"),
        ("KEYS.seats", "KEYS[2]"),
        ("{ KEYS.members }", "{ sale = KEYS[1], seats = KEYS[2] }"),
        ("tonumber(ARGV.epoch)", "tonumber(ARGV[1])"),
        ("unpack(ARGV, ARGV_AT.seat)", "unpack(ARGV, 2)"),
        ("{ [SEAT.FREE] = true }, SEAT.BLOCKED", "{ ['f'] = true }, 'x'"),
        ("TEXT.id", r"'\162\105\100'"),
        ("AREA.count", "3"),
        ("AREA.names", "area, quantity, price"),
        ("AREA.names(quantity, price)", "quantity, price"),
        ("AREA.values(units)", "units.area, units.quantity, units.price"),
        ("AREA.values(units, area, area)", "units.area"),
        ("AREA.items(list)", "list[1], list[2], list[3]"),
        ("AREA.items(list, at)", "list[at], list[at + 1], list[at + 2]"),
        ("{ AREA.members(list) }", "{ area = list[1], quantity = list[2], price = list[3] }"),
        ("AREA.price(list, at)", "list[at + 2]"),
        ("AREA.price(list)", "list[3]"),
        ("AREA.price", "3"),
        ("AREA.of(price = 3, area = first, quantity = #seats)", "first, #seats, 3"),
        (
            "{ AREA.of(area = take(list, 1), quantity = AREA.quantity(list),\n  price = 1) }",
            "{ take(list, 1), list[2], 1 }",
        ),
        (
            "AREA.of(area = a == 1 and 0 or 2, quantity = 1, price = f())",
            "a == 1 and 0 or 2, 1, f()",
        ),
        ("AREA.of(area = 1, quantity = (a, b), price = 'a, b')", "1, (a, b), 'a, b'"),
        ("AREA.price(find(list, 1))", "find(list, 1)[3]"),
        ("AREA.texts", "'area', 'quantity', 'price'"),
        ("AREA.head", r"'\147'"),
        ("HOLD.head", r"'\220\000\016'"),
        ("SEGMENT_RECORD.format", "'>I4I2I4I2B'"),
        ("SEGMENT_RECORD.size", "13"),
        ("return 1 -- CODE.NOTHING, as ever", "return 1 -- CODE.NOTHING, as ever"),
        ("Model.OK(1)", "Model.OK(1)"),
    ],
)
def test_declared_name_is_written_out(lua: str, written: str) -> None:
    assert substitute("s", lua, HEADER) == written


@pytest.mark.parametrize(
    "lua",
    [
        "CODE.NOTHING",
        "CODE.OK(1)",
        "CONST.final",
        "KEYS.events",
        "ARGV.seats",
        "KEYS_AT.epoch",
        "AREA.colour",
        "AREA.names(price, colour)",
        "AREA.items",
        "AREA.of",
        "AREA.of(area = 1, quantity = 2)",
        "AREA.of(area = 1, quantity = 2, quantity = 3)",
        "AREA.of(area = 1, quantity = 2, price = 3, price = 4)",
        "AREA.of(area = 1, quantity = 2, colour = 3)",
        "AREA.of(1, 2, 3)",
        "AREA.of(area = 1, 77, quantity = 2, price = 3)",
        "AREA.of(area=1, quantity = 2, price = 3)",
        "AREA.of(area = 1 -- first\n, quantity = 2, price = 3)",
        "AREA.of(area = 'x, quantity = 4, price = 3)",
        "AREA.of(area = {1, 2}, quantity = 4, price = 3)",
        "AREA.of(area = ')', quantity = 4, price = 3)",
        "AREA.of(area = 1, quantity = 2, price = 3,)",
        "AREA.of(area = 1, quantity = 2, price = f(g(3)))",
        "AREA.format",
        "SEGMENT_RECORD.head",
    ],
)
def test_name_that_is_not_declared_is_refused(lua: str) -> None:
    with pytest.raises(BundleError, match="nothing is declared as"):
        substitute("s", f"return {lua}", HEADER)


@pytest.mark.parametrize("count", [1, 15, 16, 300])
def test_head_is_how_msgpack_begins_an_array(count: int) -> None:
    fields = Fields(*(f"f{n}" for n in range(count)))
    assert msgpack.packb(list(range(count))).startswith(fields.head)


def test_sequence_is_an_array_without_its_head() -> None:
    values = (1, "two", b"\xff", (3, 4), None)
    packed = msgpack.packb(values, use_bin_type=False)
    assert Fields("a", "b", "c", "d", "e").head + pack_sequence(*values) == packed


def test_packed_record_has_the_size_that_the_scripts_step_by() -> None:
    record = Packed(first="I", zone="H", near="B")
    assert record.pack(1, 2, 3) == b"\0\0\0\1\0\2\3"
    assert record.size == 7


def test_hold_is_read_as_it_was_packed() -> None:
    assert unpack_hold("h", pack_hold(HELD)) == HELD


def test_hold_keeps_the_order_that_stores_have() -> None:
    """What an earlier version has stored is read by this one: fields are only ever appended."""
    assert HOLD.names == (
        *("status", "version", "created_ms", "expires_ms", "latest_ms", "seats", "prices"),
        *("rows", "total", "areas", "buyer", "digest", "pass_id", "reason", "ledger", "order_ref"),
    )


def test_hold_of_a_later_version_is_read_without_what_it_appended() -> None:
    values = msgpack.unpackb(pack_hold(HELD))
    assert unpack_hold("h", msgpack.packb([*values, "later"], use_bin_type=False)) == HELD
