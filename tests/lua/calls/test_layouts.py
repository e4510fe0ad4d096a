"""Records and arguments: their bytes are those of earlier releases, their names those of Python."""

from __future__ import annotations

from collections.abc import Iterable

import msgpack  # type: ignore[import-untyped]  # it has no stubs
import msgspec
from support.inventory.hold_record import HELD

from holdfast_lua.calls.hold_terms import (
    HoldTerms,
    SeatChoice,
    SeatList,
    pack_areas,
    pack_request,
)
from holdfast_lua.calls.layouts import Fields
from holdfast_lua.calls.records import (
    NAMED,
    REQUESTED,
    TERMS,
    AreaUnits,
    Point,
    SeatsAsked,
    pack_hold,
)

AREAS = (AreaUnits(0, 2, 500), AreaUnits(3, 1, 800))
TERMS_OF_A_HOLD = HoldTerms("hold", "digest", "bea", "pass", 600_000, 900_000, 6, 7, ",A")
CHOICE_OF_TWO = SeatChoice(2, True, b"\x01\x02", b"\x00\x01", (4500, 6500))
NAMED_SEATS = SeatList.of((1,), False, [(4, (1, 2), (500, 600))])
STORED_HOLD = (
    "dc00100203cf0000018bcfe56800cf0000018bcfe56be8cf0000018bcfe56fd092040592cd2328cd1770940100140e"
    "cd3a98930002cd01f4a3626561a164a170a001a0"
)
STORED_POINT = "dc00160102030405060708090a0b0c0d0e0f10cb40310000000000000981a14103000091a178"


def test_stored_hold_has_the_bytes_of_earlier_releases() -> None:
    assert pack_hold(HELD).hex() == STORED_HOLD


def test_stored_point_has_the_bytes_of_earlier_releases() -> None:
    values = [*range(1, 18), 9, {"A": 3}, 0, 0, ["x"]]
    point = msgspec.convert(values, Point)
    packed = msgspec.msgpack.encode(point)
    assert (point.at_ms, point.rate_realised, point.alerts) == (1, 17, ("x",))
    assert packed.hex() == STORED_POINT
    assert msgspec.msgpack.decode(packed, type=Point) == point


def test_what_a_request_brings_of_a_hold_has_the_bytes_of_earlier_releases() -> None:
    """It is stored as it comes, behind what the script packs."""
    _, requested, _ = pack_request(TERMS_OF_A_HOLD, AREAS, None)
    assert requested.hex() == "960002cd01f40301cd0320a3626561a6646967657374a470617373a000a0"
    assert pack_areas(AREAS).hex() == "960002cd01f40301cd0320"


def test_choice_has_the_bytes_of_earlier_releases() -> None:
    packed = CHOICE_OF_TWO.packed
    assert packed.hex() == "9602c3a20102a2000192cd1194cd1964c0"


def test_arguments_of_a_request_have_the_names_of_their_layouts() -> None:
    terms, requested, seats = pack_request(TERMS_OF_A_HOLD, AREAS, NAMED_SEATS)
    given = named(TERMS, _unpack_sequence(terms))
    assert given == {
        **{"id": "hold", "hold_ms": 600_000, "hold_max_ms": 900_000, "seed": 7, "limit": 6},
        **{"seats_asked": SeatsAsked.NAMED, "opened": ",A"},
    }
    brought = named(REQUESTED, _unpack_sequence(requested))
    assert brought == {
        **{"areas": [0, 2, 500, 3, 1, 800], "buyer": "bea", "digest": "digest"},
        **{"pass_id": "pass", "reason": "", "ledger": 0, "order_ref": ""},
    }
    listed = named(NAMED, msgpack.unpackb(seats))
    assert listed["withheld"] == [1]
    assert listed["refuse_orphans"] is False
    assert listed["segments"] == [[4, [1, 2], [500, 600]]]


def named(layout: Fields, values: Iterable[object]) -> dict[str, object]:
    return dict(zip(layout.names, values, strict=True))


def _unpack_sequence(packed: bytes) -> msgpack.Unpacker:
    unpacker = msgpack.Unpacker()
    unpacker.feed(packed)
    return unpacker
