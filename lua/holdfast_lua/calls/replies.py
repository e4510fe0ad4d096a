"""The fields of what scripts answer, in their order; the loader gives it to the scripts.

A reply is REPLY, and then the fields of one of the others, or a single value. The records of
line_status.py, which a reply has field for field, have their layouts there.
"""

from __future__ import annotations

from typing import Final

from holdfast_lua.calls.layouts import Fields

REPLY: Final = Fields("code", "revision", "now_ms")
"""how every answer of a guarded script begins"""
GUARD_REFUSAL: Final = Fields(*REPLY.names, "epoch")
"""the guard has refused the call; the epoch is the store's"""
FENCE: Final = Fields("code", "epoch", "nonce")
"""the answer of a script that installs, of which all but the first leave out the nonce"""

MARKED_SALES: Final = Fields("code", "now_ms", "uids")
"""see RequestedSales"""
FORBIDDEN: Final = Fields("code", "commands")
"""commands that the store's user may not run"""

SALE_HEAD: Final = Fields(
    *("lifecycle", "settings_version", "prequeue_ms", "opens_ms", "ends_ms"),
    *("free", "held", "booked", "blocked", "seq", "apart", "apart_free", "apart_held"),
)
"""see SaleHead"""
LIFECYCLE: Final = Fields("lifecycle", "opens_ms")
"""see LifecycleChanged"""

JOINED: Final = Fields(
    *("first", "count", "called_upto", "issued", "admitted", "session_ms", "limit_ms")
)
"""see Joined"""
MOMENT: Final = Fields("ms", "limit_ms")
"""see LineAnswer"""
ADDRESSES: Final = Fields("joins", "refused")
"""a flat list of addresses, each with its joins, and how often each was refused"""

HOLD_REPLY: Final = Fields(*REPLY.names, "hold", "choosing_ms")
"""the answer about one hold, as it now is; its last fields may be left out, see HoldAnswer"""
OBSTACLES: Final = Fields("hold", "seats", "areas", "own", "wait_ms")
"""what follows REPLY where a hold is refused for what stands in its way, see HoldAnswer"""
HOLD_PAGE: Final = Fields("cursor", "holds")
"""a page of a scan: where to go on, and a flat list of ids and holds"""
SWEEP: Final = Fields("ended", "more")
"""see Sweep"""
HOLD_AGES: Final = Fields("oldest_ms", "overdue_ms")
"""see HoldAges"""
SEATS_READING: Final = Fields(
    *("states", "free", "held", "booked", "blocked", "event_epoch", "seq", "overdue", "areas")
)
"""see SeatsReading"""
EVENTS_PAGE: Final = Fields("last_epoch", "last_seq", "trimmed", "entries")
"""see EventsReading; an entry is its id, and a flat list of names and values"""
