"""One visitor of a sale for its operator: place and call, pass, buyer, holds.

Joins what the waiting room knows with what the inventory knows. A number that was admitted leads to
its pass by the event of the admission, as long as that is kept; a pass leads to its buyer by the
open holds that were made with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from holdfast.sales.sale import Sale
from holdfast_inventory.events.events import EVENTS_MAX
from holdfast_inventory.holds.hold_requests import hold_view
from holdfast_inventory.holds.open_holds import open_holds_of_pass
from holdfast_inventory.holds.sale_inventory import FORCED, SaleInventory
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_queue.line.visitors.visitor_lookup import FoundState, FoundVisitor, KnownVisitor
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.timestamps import optional_timestamp

EVENT_PAGES_MAX: Final = 1_000
REVOKED: Final = "revoked"
HTTP_FAULTS: Final = 500


@dataclass(frozen=True, slots=True)
class RevokedPass:
    """What a revocation did: whether a session was ended, holds that were given back or kept."""

    ended: bool
    released: list[str]
    kept: list[str]


async def visitor_members(sale: Sale, known: KnownVisitor) -> dict[str, object]:
    """The visitor as the API shows them; raises UNKNOWN_VISITOR when nothing is known of a pass."""
    found = await sale.room.visitors.find(known)
    if known.number is not None and found.state in (FoundState.ENDED, FoundState.LAPSED):
        pass_id = await _pass_of_number(sale.inventory, known.number)
        if pass_id:
            known = msgspec.structs.replace(known, pass_id=pass_id, admitted=True)
            found = await sale.room.visitors.find(known)
    now_ms, buyer, holds = await _holds(sale.inventory, known)
    of_pass_alone = known.number is None and known.lobby_index is None and not known.buyer
    if of_pass_alone and not found.traces.session_ms and not holds:
        raise HoldfastError(ErrorCode.UNKNOWN_VISITOR)
    return {
        "number": known.number,
        "lobby_index": known.lobby_index,
        "state": found.state,
        "users_ahead": found.users_ahead,
        "calls": _calls(found),
        "pass": _pass(known, found),
        "buyer": buyer or None,
        "holds": [
            hold_view(hold, now_ms, sale.name, sale.inventory.plan, sale.inventory.settings)
            for hold in holds
        ],
    }


async def revoke_pass(sale: Sale, pass_id: str, *, release: bool) -> RevokedPass:
    """Ends the session of a pass; with `release` gives back what it holds and nobody is paying."""
    ended = await sale.room.end(pass_id, REVOKED)
    released: list[str] = []
    kept: list[str] = []
    for hold in await open_holds_of_pass(sale.inventory, pass_id):
        given_back = release and await _given_back(sale.inventory, hold)
        (released if given_back else kept).append(hold.id)
    return RevokedPass(ended, released, kept)


async def _given_back(inventory: SaleInventory, hold: HoldRecord) -> bool:
    """Whether the hold could be released; not while it is paid for, whoever is charged keeps it."""
    if hold.status is not HoldStatus.ACTIVE:
        return False
    try:
        # Only the version that was seen: a payment may begin at this moment.
        await inventory.release(hold.id, owner="", version=hold.version, reason=FORCED)
    except HoldfastError as refusal:
        if refusal.code.status >= HTTP_FAULTS:
            raise
        return False
    return True


async def _holds(
    inventory: SaleInventory, known: KnownVisitor
) -> tuple[int, str, list[HoldRecord]]:
    """Store time, the buyer, and what the buyer holds or has bought."""
    buyer = known.buyer
    if not buyer and known.pass_id:
        buyer = next((h.buyer for h in await open_holds_of_pass(inventory, known.pass_id)), "")
    if not buyer:
        return inventory.ref.clock.now_ms(), "", []
    now_ms, holds = await inventory.holds_of(buyer)
    return now_ms, buyer, holds


async def _pass_of_number(inventory: SaleInventory, number: int) -> str:
    """The pass that a number was admitted with, by the events that are kept; empty for none."""
    after: tuple[int, int] | None = None
    for _ in range(EVENT_PAGES_MAX):
        page = await inventory.events(after, EVENTS_MAX)
        for event in page.events:
            if event.kind == "pass.issued":
                body: dict[str, Any] = msgspec.msgpack.decode(event.body)
                if body["data"]["number"] == number:
                    return str(body["subject"])
        if len(page.events) < EVENTS_MAX:
            break
        after = page.events[-1].cursor
    return ""


def _calls(found: FoundVisitor) -> list[dict[str, object]]:
    """The one call of a number; who was called and lapsed joins again, with another number."""
    traces = found.traces
    if traces.until_ms:
        state = "deferred" if traces.deferred else "open"
    elif found.state is FoundState.LAPSED:
        state = "lapsed"
    elif found.state in (FoundState.ADMITTED, FoundState.ENDED) and found.known.number:
        state = "claimed"
    else:
        return []
    return [
        {
            "state": state,
            "called_at": optional_timestamp(traces.called_ms),
            "until": optional_timestamp(traces.until_ms),
        }
    ]


def _pass(known: KnownVisitor, found: FoundVisitor) -> dict[str, object] | None:
    """The pass and its session; None as long as the visitor has none."""
    traces = found.traces
    if not known.pass_id or not (traces.session_ms or found.state is FoundState.ENDED):
        return None
    return {
        "pass_id": known.pass_id,
        "state": "live" if traces.session_ms else "ended",
        "expires_at": optional_timestamp(traces.session_ms),
        "admitted_at": optional_timestamp(traces.started_ms),
    }
