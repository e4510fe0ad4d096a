"""Rewinds holds to the moment at which the map was read.

Holds are read after the map, in pages, and the sale goes on meanwhile. Every change since then has
its event behind the map's cursor, and the first one of a hold tells what it had until then. So map
and holds can be compared to the unit while a crowd buys.

What a refund leaves of an order its event does not tell: such a hold is taken as it was read, and
the next reading decides.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from holdfast_lua.calls.hold_terms import StreamEvent
from holdfast_lua.calls.records import HoldRecord, HoldStatus, areas_of

_HAD_NOTHING: Final = ("hold.created", "hold.reacquired")
_HAD_ALL: Final = ("hold.extended", "hold.released", "hold.expired", "order.confirmed")


def rewound(holds: Mapping[str, HoldRecord], since: Iterable[StreamEvent]) -> dict[str, HoldRecord]:
    """The holds before these events, the oldest first."""
    earlier, seen = dict(holds), set()
    for event in since:
        if event.kind not in (*_HAD_NOTHING, *_HAD_ALL, "order.refunded"):
            continue
        body: dict[str, Any] = msgspec.msgpack.decode(event.body)
        hold_id = body["subject"]
        if hold_id in seen:
            continue
        seen.add(hold_id)
        if event.kind in _HAD_NOTHING:
            earlier.pop(hold_id, None)
        elif event.kind in _HAD_ALL and hold_id in earlier:
            earlier[hold_id] = _holding(earlier[hold_id], body["data"])
    return earlier


def _holding(hold: HoldRecord, data: Mapping[str, Any]) -> HoldRecord:
    """The hold with what the event says it had, held and not yet booked."""
    return msgspec.structs.replace(
        hold,
        status=HoldStatus.CONFIRMING,
        seats=tuple(data["seats"]),
        areas=areas_of(data["areas"]),
    )
