"""The fields of what scripts answer, in their order; the loader gives them to the scripts.

Layouts that begin with `code` are whole replies. The others follow REPLY, where a single value, or
nothing, may follow as well. Where a reply has the fields of a record, its layout stands with that:
hold_terms.py, line_status.py.
"""

from __future__ import annotations

from typing import Final

from holdfast_lua.calls.layouts import Fields

REPLY: Final = Fields("code", "revision", "now_ms")
"""how the reply of a script for a sale begins"""
GUARD_REFUSAL: Final = Fields(*REPLY.names, "epoch")
"""a refusal by the guard or by install_sale, with the epoch that stands in the way"""
FENCE: Final = Fields("code", "epoch", "nonce")
"""the reply of install_inventory, and of install_buyers and install_holds, without a nonce"""
MARKED_SALES: Final = Fields("code", "now_ms", "uids")
"""see RequestedSales"""
FORBIDDEN: Final = Fields("code", "commands")
"""commands that the store's user may not run"""

SALE_HEAD: Final = Fields(
    *("lifecycle", "settings_version", "prequeue_ms", "opens_ms", "ends_ms"),
    *("free", "held", "booked", "blocked", "seq", "apart", "apart_free", "apart_held"),
)
"""fields of the sale hash, see SaleHead"""
LIFECYCLE: Final = Fields("lifecycle", "opens_ms")
"""likewise, see LifecycleChanged"""
ADDRESSES: Final = Fields("joins", "refused")
"""a flat list of ADDRESS_JOINS, and how often each address was refused"""
ADDRESS_JOINS: Final = Fields("address", "joins")

HOLD_REPLY: Final = Fields("hold", "choosing_ms")
"""a hold as it now is; for the first of a session, how long after the admission it came"""
HOLD_REFUSAL: Final = Fields("hold", "seats", "areas", "own", "wait_ms")
"""what stands in a hold's way, and the hold where there is one; see HoldAnswer"""
HOLD_PAGE: Final = Fields("cursor", "holds")
"""a page of a scan: where to go on, and a flat list of HOLD_ENTRY"""
HOLD_ENTRY: Final = Fields("id", "hold")
SEATS_READING: Final = Fields(
    *("states", "free", "held", "booked", "blocked", "event_epoch", "seq", "overdue", "areas")
)
"""see SeatsReading; `areas` has the fields that were asked for, see area_fields"""
EVENTS_PAGE: Final = Fields("last_epoch", "last_seq", "trimmed", "entries")
"""see EventsReading; an entry is its id, and a flat list of names and values"""
