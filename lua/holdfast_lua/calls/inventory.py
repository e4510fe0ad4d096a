"""One typed method per script of the inventory: holds, confirmation, refunds, seats, events.

Every method takes the sale's `SaleRef` and answers what the script said: expected refusals are
codes in the answer, faults are exceptions (errors.py). Nothing is decided here; whatever depends on
the state of a seat or a hold is decided inside one atomic script. Installing is in
inventory_install.py, since it comes before there is a sale to guard.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import (
    NOW_AT,
    REVISION_AT,
    VALUES_AT,
    Reply,
    SaleRef,
    guarded,
    heed,
    run_for_sale,
)
from holdfast_lua.calls.hold_terms import (
    SWEEP,
    EventsReading,
    HoldAnswer,
    HoldTerms,
    SeatChoice,
    SeatList,
    SeatsReading,
    StreamEvent,
    Sweep,
    area_fields,
    pack_areas,
    pack_request,
)
from holdfast_lua.calls.layouts import pack_array
from holdfast_lua.calls.records import (
    AreaUnits,
    HoldRecord,
    RowSegment,
    flat_segments,
    pack_hold,
    unpack_hold,
)
from holdfast_lua.calls.replies import (
    EVENTS_PAGE,
    HOLD_ENTRY,
    HOLD_PAGE,
    HOLD_REFUSAL,
    HOLD_REPLY,
    SEATS_READING,
)
from holdfast_lua.client.executor import Executor
from holdfast_lua.client.wire import Argument

EXPIRE_MAX: Final = 500
SCAN_MAX: Final = 500

_HOLD_AT: Final = VALUES_AT + HOLD_REPLY.names.index("hold")
_CHOOSING_AT: Final = VALUES_AT + HOLD_REPLY.names.index("choosing_ms")
_REFUSAL_COUNT: Final = VALUES_AT + len(HOLD_REFUSAL.names)


class InventoryCalls:
    """The inventory's scripts, on one executor."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def was_promoted(self, ref: SaleRef) -> bool:
        """Whether the sale's server took over from another one, which may have known more holds.

        StoreUnavailable when it is not, or not for certain, the one to use.
        """
        await self._executor.require_master()
        text: bytes = await self._executor.command("INFO", "replication", key=keys.sale(ref.uid))
        return b"second_repl_offset:" in text and b"second_repl_offset:-1" not in text

    async def hold_seats(
        self,
        ref: SaleRef,
        terms: HoldTerms,
        *,
        seats: SeatList | SeatChoice | None = None,
        areas: Sequence[AreaUnits] = (),
    ) -> HoldAnswer:
        """Picks and holds seats and area units, all or nothing.

        The holds of a tick reach the store as one call: see hold_batch.py.
        """
        args = (ref.epoch, ref.revision, *pack_request(terms, areas, seats))
        asked_at = time.monotonic()
        raw = await run_for_sale(self._executor, ref.keys, "hold_seats", args)
        return _answer_of(terms.hold_id, heed(ref, raw, asked_at), raw)

    async def extend_hold(
        self, ref: SaleRef, hold_id: str, *, owner: str, version: int, extend_ms: int
    ) -> HoldAnswer:
        """Moves the deadline of an active hold to now + `extend_ms`, at most to its latest time.

        `owner` "" and `version` 0 are not checked.
        """
        args = (hold_id, owner, version, extend_ms)
        return await self._hold(ref, "extend_hold", hold_id, args)

    async def release_hold(
        self, ref: SaleRef, hold_id: str, *, owner: str, version: int = 0, reason: str = "released"
    ) -> HoldAnswer:
        """Ends an active or paying hold and frees its units; a repeat is UNCHANGED."""
        args = (hold_id, owner, version, reason)
        return await self._hold(ref, "release_hold", hold_id, args)

    async def cancel_hold(
        self, ref: SaleRef, hold_id: str, *, buyer: str, pass_id: str = ""
    ) -> HoldAnswer:
        """Releases the hold of that id, or leaves a tombstone so that it can never come to be.

        With a `pass_id` a tombstone needs a live session (PASS_ENDED), and is charged to the buyer
        (TOO_MANY_ENDED).
        """
        return await self._hold(ref, "cancel_hold", hold_id, (hold_id, buyer, pass_id))

    async def expire_holds(self, ref: SaleRef, limit: int = EXPIRE_MAX) -> Sweep:
        """Ends at most `limit` overdue holds."""
        reply = await self._guarded(ref, "expire_holds", min(limit, EXPIRE_MAX))
        sweep = SWEEP.named(reply.values)
        return Sweep(sweep["ended"], bool(sweep["more"]))

    async def begin_paying(
        self, ref: SaleRef, hold_id: str, *, owner: str = "", version: int = 0
    ) -> HoldAnswer:
        """active -> paying: the deadline moves to the hold's latest time. A repeat is UNCHANGED."""
        return await self._hold(ref, "begin_paying", hold_id, (hold_id, owner, version))

    async def begin_confirm(
        self, ref: SaleRef, hold_id: str, *, reacquire: bool, limit: int
    ) -> HoldAnswer:
        """active or paying -> confirming, which time never ends.

        OK; UNCHANGED (is confirming already); HOLD_CONFIRMED (was confirmed before);
        HOLD_REACQUIRED (it had expired; all of its units were free and are held again, only with
        `reacquire`). Refused: HOLD_EXPIRED (with `seats`/`areas` that are taken), HOLD_LIMIT and
        HOLDS_CLOSED (both only for what had expired), HOLD_RELEASED, HOLD_UNKNOWN.
        """
        args = (hold_id, int(reacquire), limit)
        return await self._hold(ref, "begin_confirm", hold_id, args)

    async def reacquire_hold(
        self, ref: SaleRef, hold_id: str, choices: Sequence[SeatChoice], *, limit: int, seed: int
    ) -> HoldAnswer:
        """An expired hold -> confirming on OTHER seats: one choice for each class of its seats."""
        packed = b"".join(choice.packed for choice in choices)
        return await self._hold(ref, "reacquire_hold", hold_id, (hold_id, limit, seed, packed))

    async def finish_confirm(self, ref: SaleRef, hold_id: str, *, order_ref: str) -> HoldAnswer:
        """confirming -> confirmed: the units are booked, `order.confirmed` is written.

        OK only on that transition; HOLD_CONFIRMED when it was done before; HOLD_STATE or
        HOLD_UNKNOWN when the store does not have it as confirming: then `book_hold` it.
        """
        return await self._hold(ref, "finish_confirm", hold_id, (hold_id, order_ref))

    async def abort_confirm(
        self, ref: SaleRef, hold_id: str, *, reason: str, version: int = 0
    ) -> HoldAnswer:
        """Ends a confirming hold that the ledger has not sold and will not sell.

        With the reason "expired": confirming -> expired, and a late payment may reacquire it.
        HOLD_CHANGED when `version` is not the hold's (0 is not checked).
        """
        args = (hold_id, reason, version)
        return await self._hold(ref, "abort_confirm", hold_id, args)

    async def book_hold(self, ref: SaleRef, hold: HoldRecord, *, order_ref: str) -> HoldAnswer:
        """Makes the store agree with a sold order of the ledger, whatever it knows of the hold.

        OK; HOLD_CONFIRMED (agreed already); SEAT_UNAVAILABLE with the `seats` and `areas` that
        another hold has: end those (`drop_hold`) and repeat.
        """
        args = (hold.id, pack_hold(hold), order_ref)
        return await self._hold(ref, "book_hold", hold.id, args)

    async def drop_hold(self, ref: SaleRef, hold_id: str, *, reason: str) -> HoldAnswer:
        """Ends a hold in any state short of confirmed, because the ledger says otherwise."""
        return await self._hold(ref, "drop_hold", hold_id, (hold_id, reason))

    async def free_seats(
        self,
        ref: SaleRef,
        hold_id: str,
        *,
        seats: Sequence[int],
        areas: Sequence[AreaUnits] = (),
        amount: int = 0,
        version: int = 0,
    ) -> HoldAnswer:
        """Frees refunded units that are still booked by this order, and takes them out of it.

        OK with `order.refunded` written; UNCHANGED when none of them are its any more; HOLD_CHANGED
        when `version` is not the hold's (0 is not checked).
        """
        packed = pack_array(tuple(seats))
        args = (hold_id, packed, pack_areas(areas), amount, version)
        return await self._hold(ref, "free_seats", hold_id, args)

    async def require_refund(
        self, ref: SaleRef, hold_id: str, *, order_ref: str, amount: int, reason: str
    ) -> HoldAnswer:
        """Writes `order.refund_required`, once for each hold that the store still knows."""
        args = (hold_id, order_ref, amount, reason)
        return await self._hold(ref, "require_refund", hold_id, args)

    async def flag_order(self, ref: SaleRef, order_id: str, flag: str, buyer: str) -> None:
        """Writes `order.flagged`."""
        await self._guarded(ref, "flag_order", order_id, flag, buyer)

    async def block_seats(
        self, ref: SaleRef, rows: Sequence[tuple[RowSegment, Sequence[int]]]
    ) -> int:
        """Takes free seats off sale; answers how many were free. Others are left as they are."""
        return await self._switch_seats(ref, "block_seats", rows)

    async def unblock_seats(
        self, ref: SaleRef, rows: Sequence[tuple[RowSegment, Sequence[int]]]
    ) -> int:
        """Puts blocked seats back on sale; answers how many were blocked."""
        return await self._switch_seats(ref, "unblock_seats", rows)

    async def release_allotment(
        self, ref: SaleRef, channel: str, rows: Sequence[RowSegment], areas: Sequence[int]
    ) -> bool:
        """Puts on sale what is set aside for a channel: whole row segments, and areas by index.

        False when it is on sale already.
        """
        args = (channel, pack_array(flat_segments(rows)), pack_array(tuple(areas)))
        reply = await self._guarded(ref, "release_allotment", *args)
        return reply.code is Code.OK

    async def return_pass(
        self, ref: SaleRef, pass_id: str, expires_ms: int, limit_ms: int = 0
    ) -> bool:
        """Takes up the session of a pass issued before a rebuild; False when that is over."""
        reply = await self._guarded(ref, "return_pass", pass_id, expires_ms, limit_ms)
        return reply.code is Code.OK

    async def read_hold(self, ref: SaleRef, hold_id: str) -> HoldAnswer:
        """The hold, or HOLD_UNKNOWN."""
        return await self._hold(ref, "read_hold", hold_id, (hold_id,))

    async def read_buyer_holds(self, ref: SaleRef, buyer: str) -> tuple[int, list[HoldRecord]]:
        """Store time, and the holds and orders that count for the buyer's limit."""
        reply = await self._guarded(ref, "read_buyer_holds", buyer)
        return reply.now_ms, _unpack_pairs(reply.value)

    async def scan_holds(
        self, ref: SaleRef, cursor: int = 0, *, open_only: bool = False
    ) -> tuple[int, list[HoldRecord]]:
        """Some holds and the cursor to go on with, 0 at the end; a hold may come twice.

        With `open_only` those that have units which are not sold; a page may then be empty.
        """
        reply = await self._guarded(ref, "scan_holds", cursor, SCAN_MAX, int(open_only))
        page = HOLD_PAGE.named(reply.values)
        return int(page["cursor"]), _unpack_pairs(page["holds"])

    async def read_seats(self, ref: SaleRef, area_count: int = 0) -> SeatsReading:
        """All seats with their counts and the event cursor, as of one revision."""
        reply = await self._guarded(ref, "read_seats", *area_fields(range(area_count)))
        seats = SEATS_READING.named(reply.values)
        areas = seats["areas"]
        return SeatsReading(
            revision=reply.revision,
            now_ms=reply.now_ms,
            epoch=ref.epoch,
            cursor=(seats["event_epoch"], seats["seq"]),
            states=seats["states"],
            free=seats["free"],
            held=seats["held"],
            booked=seats["booked"],
            blocked=seats["blocked"],
            areas=tuple(zip(areas[::2], areas[1::2], strict=True)),
            overdue=bool(seats["overdue"]),
        )

    async def read_events(
        self, ref: SaleRef, after: tuple[int, int] | None, limit: int
    ) -> EventsReading:
        """At most `limit` events after a cursor; from the oldest one kept without a cursor."""
        epoch, seq = after if after is not None else (-1, 0)
        reply = await self._guarded(ref, "read_events", epoch, seq, limit)
        page = EVENTS_PAGE.named(reply.values)
        return EventsReading(
            now_ms=reply.now_ms,
            last=(page["last_epoch"], page["last_seq"]),
            trimmed=bool(page["trimmed"]),
            events=[_event_of(entry_id, fields) for entry_id, fields in page["entries"]],
        )

    async def _switch_seats(
        self, ref: SaleRef, name: str, rows: Sequence[tuple[RowSegment, Sequence[int]]]
    ) -> int:
        parts = [(flat_segments([row]), tuple(seats)) for row, seats in rows]
        reply = await self._guarded(ref, name, pack_array(parts))
        return int(reply.value)

    async def _hold(
        self, ref: SaleRef, name: str, hold_id: str, args: Sequence[Argument]
    ) -> HoldAnswer:
        args = (ref.epoch, ref.revision, *args)
        asked_at = time.monotonic()
        raw = await run_for_sale(self._executor, ref.keys, name, args)
        return _answer_of(hold_id, heed(ref, raw, asked_at), raw)

    async def _guarded(self, ref: SaleRef, name: str, *args: Argument) -> Reply:
        return await guarded(self._executor, ref, name, args)


def _answer_of(hold_id: str, code: Code, raw: list[Any]) -> HoldAnswer:
    """The answer in `raw`: HOLD_REFUSAL with all of its fields, or HOLD_REPLY as far as it goes."""
    count, revision, now_ms = len(raw), raw[REVISION_AT], raw[NOW_AT]
    if count == _REFUSAL_COUNT:
        why = HOLD_REFUSAL.named(raw[VALUES_AT:])
        hold = unpack_hold(hold_id, why["hold"]) if why["hold"] else None
        seats, areas, own = tuple(why["seats"]), tuple(why["areas"]), tuple(why["own"])
        return HoldAnswer(code, revision, now_ms, hold, seats, areas, own, why["wait_ms"])
    hold = unpack_hold(hold_id, raw[_HOLD_AT]) if count > _HOLD_AT and raw[_HOLD_AT] else None
    choosing_ms = raw[_CHOOSING_AT] if count > _CHOOSING_AT else -1
    return HoldAnswer(code, revision, now_ms, hold, choosing_ms=choosing_ms)


def _unpack_pairs(flat: list[Any]) -> list[HoldRecord]:
    return [unpack_hold(hold_id.decode(), hold) for hold_id, hold in HOLD_ENTRY.groups(flat)]


def _event_of(entry_id: bytes, flat: list[bytes]) -> StreamEvent:
    epoch, _, seq = entry_id.partition(b"-")
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return StreamEvent((int(epoch), int(seq)), fields[b"type"].decode(), fields[b"body"])
