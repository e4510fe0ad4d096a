"""What a script was asked and what it answered, in the model's terms."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from model.reference.terms import AREAS, Areas, ScriptRequest, areas_of

from holdfast_lua.calls import records
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.records import HoldRecord, unpack_hold

_decode = msgspec.msgpack.decode
Args = Sequence[Any]


def request_of(name: str, args: Args, context: object) -> ScriptRequest | None:
    """The call as the model takes it; None for scripts that only read.

    A hold's arguments are packed in a form of their own: what was asked for is taken instead.
    """
    if name == "hold_seats":
        assert isinstance(context, ScriptRequest)
        return context
    reader = _READERS.get(name)
    return None if reader is None else reader(args[2:])


def answer_of(
    name: str, request: ScriptRequest, reply: Sequence[Any]
) -> tuple[Code, HoldRecord | None]:
    """The code, and the hold that came with it."""
    values = reply[3:]
    if name in _WITHOUT_HOLD or not values or not values[0]:
        return Code(reply[0]), None
    return Code(reply[0]), unpack_hold(request.hold_id, values[0])


def _book_hold(args: Args) -> ScriptRequest:
    hold = unpack_hold(args[0], args[1])
    return ScriptRequest(
        hold.id,
        hold.buyer,
        version=hold.version,
        number=hold.expires_ms,
        seats=frozenset(hold.seats),
        areas=areas_of(hold),
    )


def _free_seats(args: Args) -> ScriptRequest:
    areas = _units(_decode(args[2]) if args[2] else [])
    return ScriptRequest(args[0], seats=frozenset(_decode(args[1])), areas=areas, version=args[4])


def _units(flat: Sequence[int]) -> Areas:
    """Units of areas by area, of which one may come twice."""
    units = [0] * len(AREAS)
    for given in records.areas_of(flat):
        units[given.area] += given.quantity
    return tuple(units)


def _seats_by_row(args: Args) -> ScriptRequest:
    """Row segments, each with its seats."""
    seats = frozenset(seat for _, of_segment in _decode(args[0]) for seat in of_segment)
    return ScriptRequest("", seats=seats)


_WITHOUT_HOLD = (
    "expire_holds",
    "block_seats",
    "unblock_seats",
    "release_allotment",
    "change_lifecycle",
)
_READERS: dict[str, Callable[[Args], ScriptRequest]] = {
    "extend_hold": lambda a: ScriptRequest(a[0], a[1], a[2], number=a[3]),
    "release_hold": lambda a: ScriptRequest(a[0], a[1], a[2], text=a[3]),
    "cancel_hold": lambda a: ScriptRequest(a[0], a[1]),
    "expire_holds": lambda a: ScriptRequest("", number=a[0]),
    "begin_paying": lambda a: ScriptRequest(a[0], a[1], a[2]),
    "begin_confirm": lambda a: ScriptRequest(a[0], flag=bool(a[1]), number=a[2]),
    "reacquire_hold": lambda a: ScriptRequest(a[0], number=a[1]),
    "finish_confirm": lambda a: ScriptRequest(a[0]),
    "abort_confirm": lambda a: ScriptRequest(a[0], text=a[1], version=a[2]),
    "book_hold": _book_hold,
    "drop_hold": lambda a: ScriptRequest(a[0], text=a[1]),
    "free_seats": _free_seats,
    "require_refund": lambda a: ScriptRequest(a[0]),
    "block_seats": _seats_by_row,
    "unblock_seats": _seats_by_row,
    "release_allotment": lambda a: ScriptRequest("", text=a[0]),
    "change_lifecycle": lambda a: ScriptRequest("", text=a[0]),
    "read_hold": lambda a: ScriptRequest(a[0]),
}
