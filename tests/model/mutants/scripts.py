"""The stock's scripts, each time with one promise taken out of their text."""

from collections.abc import Awaitable, Callable
from typing import Final
from unittest.mock import patch

from model import directed
from model.mutants.mutant import Mutant

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.inventory import InventoryCalls

BOUND: Final = ("answer", "state", "double", "lost")
"""a bound that is overstepped shows in the answer, or in what is then held"""
_Release = Callable[..., Awaitable[HoldAnswer]]


def _released_then_published(release: _Release) -> _Release:
    async def twice(
        calls: InventoryCalls, ref: object, hold_id: str, **options: object
    ) -> HoldAnswer:
        answer = await release(calls, ref, hold_id, **options)
        if answer.code is Code.OK:
            uid = ref.uid  # type: ignore[attr-defined]  # it is a SaleRef
            seq = await calls._executor.command("HINCRBY", keys.sale(uid), "seq", 1)
            event = ("seq", seq, "type", "hold.released", "body", b"\x80")
            await calls._executor.command("XADD", keys.events(uid), f"1-{seq}", *event)
        return answer

    return twice


PROMISES: Final = {
    "no idempotency": Mutant(
        "the same request twice makes two holds under one id, and loses the seats of the first",
        ("answer", "double"),
        edits={"hold_seats.lua": (r"if stored then return .*answer_repeat\(.*", "")},
    ),
    "no owner check": Mutant(
        "a stranger frees what somebody holds",
        ("answer",),
        edits={
            "include/holds/hold.lua": (
                "if owner ~= '' and owner ~= hold.buyer then return CODE.NOT_OWNER end",
                "",
            )
        },
    ),
    "release without version": Mutant(
        "a release that was meant for an earlier state of the hold ends it",
        ("answer",),
        edits={
            "include/holds/hold.lua": (
                "if version ~= 0 and version ~= hold.version then return CODE.HOLD_CHANGED end",
                "",
            )
        },
    ),
    "expiry by sweeper only": Mutant(
        "until the next sweep a hold that is over can be changed, and its seats cannot be had",
        ("answer", "state"),
        edits={
            "include/holds/hold.lua": (
                r" or is_overdue\(hold, now_ms\) then return CODE.HOLD_EXPIRED",
                " then return CODE.HOLD_EXPIRED",
            ),
            "hold_seats.lua": (r"\nif has_overdue\(sale\) then \S*sweep\S*\(sale, keys, .*", ""),
        },
    ),
    "event outside the script": Mutant(
        "a worker that dies between a release and its event leaves the event out for good",
        ("events",),
        edits={
            "include/holds/end_hold.lua": (
                r"append_hold_event\(sale, keys.events, kind, hold, { reason = reason }\)",
                "if kind ~= 'hold.released' then "
                "append_hold_event(sale, keys.events, kind, hold, { reason = reason }) end",
            )
        },
        patched=lambda: patch.object(
            InventoryCalls, "release_hold", _released_then_published(InventoryCalls.release_hold)
        ),
    ),
    "abort without version": Mutant(
        "a void that reaches the store late frees the seats of a confirm that has begun anew",
        ("answer",),
        directed.VOID_SYNCED_LATE,
        edits={
            "abort_confirm.lua": (
                "if version ~= 0 and version ~= hold.version then",
                "if false then",
            )
        },
    ),
    "no revision in the guard": Mutant(
        "a store that went back is sold from, though this worker knew better",
        ("guard",),
        edits={
            "include/shared/guard.lua": (
                r"or \(epoch == known_epoch and revision < known_revision\) then",
                "then",
            )
        },
    ),
    "rebuild without fence in the store": Mutant(
        "an installer that slept through a rebuild takes the later epoch down again",
        ("fence",),
        directed.INSTALLER_SLEEPS,
        edits={
            "include/shared/fence.lua": ("if newest > epoch then", "if false then"),
        },
    ),
}
BOUNDS: Final = {
    "extended without end": Mutant(
        "a hold is extended beyond its maximum",
        BOUND,
        directed.EXTENDED_THRICE,
        edits={
            "extend_hold.lua": (
                r"math.min\(sale.now_ms \+ tonumber\(ARGV.extend_ms\), hold.latest_ms\)",
                "sale.now_ms + tonumber(ARGV.extend_ms)",
            )
        },
    ),
    "paying without end": Mutant(
        "who pays holds beyond the maximum",
        BOUND,
        directed.LOST_WHILE_PAYING,
        edits={
            "begin_paying.lua": (
                r"STATUS.PAYING, 1, hold.latest_ms\n",
                "STATUS.PAYING, 1, hold.latest_ms + 60000\n",
            )
        },
    ),
    "late payment without limit": Mutant(
        "a late payment passes the limit per buyer",
        BOUND,
        directed.PAID_LATE_WITH_TOO_MANY,
        edits={
            "include/holds/reacquire_hold.lua": (
                r"if limit > 0 and units .* return CODE.HOLD_LIMIT end",
                "",
            )
        },
    ),
    "late payment after the close": Mutant(
        "a late payment takes seats of a closed sale",
        BOUND,
        directed.PAID_LATE_AND_CLOSED,
        edits={
            "include/holds/reacquire_hold.lua": (
                r"if sale.lifecycle == 'closed' then return .* end",
                "",
            )
        },
    ),
    "hold after the close": Mutant(
        "a closed sale gives holds",
        BOUND,
        directed.CLOSED,
        edits={"hold_seats.lua": (r"if sale.lifecycle == 'closed' or \(", "if (")},
    ),
    "block of a held seat": Mutant(
        "a block takes what is held",
        BOUND,
        directed.BLOCKED_AND_UNBLOCKED,
        edits={
            "include/seats/move_seats.lua": (
                r"{ \[from\] = true }",
                "{ [from] = true, h = to == 'x' or nil }",
            )
        },
    ),
    "unblock of a held seat": Mutant(
        "an unblock frees what is held",
        BOUND,
        directed.BLOCKED_AND_UNBLOCKED,
        edits={
            "include/seats/move_seats.lua": (
                r"{ \[from\] = true }",
                "{ [from] = true, h = to == 'f' or nil }",
            )
        },
    ),
}
