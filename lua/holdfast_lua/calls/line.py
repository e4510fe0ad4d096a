"""The line's scripts as typed methods: one method for each script, one result type for each shape.

Nothing is decided here. What a script refuses comes back as its code; what the guard refuses is
raised by `guarded`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef, code_of, guarded, run_for_sale
from holdfast_lua.calls.line_status import (
    JOINED,
    OPEN_CALLS,
    SESSION_END,
    VISITOR_TRACES,
    AddressJoins,
    DrawState,
    Gap,
    Joined,
    LineAnswer,
    LineMode,
    LineStatus,
    OpenCalls,
    VisitorTraces,
    format_gaps,
    parse_status,
)
from holdfast_lua.calls.replies import ADDRESS_JOINS, ADDRESSES, LIFECYCLE
from holdfast_lua.client.executor import Executor
from holdfast_lua.client.wire import Argument

MAX_JOIN_BATCH: Final = 1_000
MAX_NUMBER: Final = 2**32 - 2
"""Numbers index a bitmap, whose offsets the store bounds at 2^32."""

_HANDOFF_KEPT_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class LineTerms:
    """An operator's settings, by the names that the scripts have for them."""

    rate_per_minute: int
    burst: int
    cap: int
    session_ms: int
    claim_ms: int
    first_hold_ms: int
    stock_permille: int
    mode: LineMode
    queue_all: bool
    session_max_ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class LineCheckpoint:
    """What a line is rebuilt from. The defaults are a new line's.

    Where `clock_ms` is 0 nobody knows the ranges, and all from `called_from` to `serving` are
    called again.
    """

    ceiling: int
    fresh: bool = True
    issued: int = 0
    lobby: int = 0
    frozen: bool = False
    serving: int = 0
    called_from: int = 1
    gaps: tuple[Gap, ...] = ()
    called: int = 0
    claimed: int = 0
    lapsed: int = 0
    admitted: int = 0
    active: int = 0
    stopped: bool = False
    draw: DrawState = DrawState.NONE
    accumulator: str = ""
    beacon: str = ""
    ranges: bytes = b""
    shown_from: int = 0
    shown: bytes = b""
    deferred: bytes = b""
    clock_ms: int = 0
    show_called: float = 0.0
    show_shown: float = 0.0
    taken_ms: int = 0
    stays: float = 0.0
    stays_ms: int = 0
    closed_ms: int = 0
    sealed_ms: int = 0


@dataclass(frozen=True, slots=True)
class Advanced:
    """How the line stands after a step."""

    code: Code
    revision: int
    now_ms: int
    status: LineStatus


@dataclass(frozen=True, slots=True)
class LifecycleChanged:
    """What became of an operator's open, pause, resume, drain or close."""

    code: Code
    now_ms: int
    lifecycle: str
    opens_ms: int


class LineCalls:
    """One method per script of the line."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def join_line(
        self,
        ref: SaleRef,
        count: int,
        ceiling: int,
        pass_ids: Sequence[str] = (),
        digest: str = "",
    ) -> Joined:
        """Places for `count` visitors; the first of them go straight in when the sale is quiet.

        `digest` is of their nonces, for the accumulator of a lobby that will be drawn.
        """
        reply = await guarded(
            self._executor,
            ref,
            "join_line",
            (count, min(ceiling, MAX_NUMBER), digest, *pass_ids),
        )
        if reply.code is Code.CEILING_REACHED:
            return Joined(reply.code, reply.now_ms, issued=reply.value)
        if reply.refused:
            return Joined(reply.code, reply.now_ms)
        return Joined(reply.code, reply.now_ms, **JOINED.named(reply.values))

    async def advance_line(self, ref: SaleRef) -> Advanced:
        """Moves the line on by one step, as each tick does."""
        reply = await guarded(self._executor, ref, "advance_line")
        return Advanced(reply.code, reply.revision, reply.now_ms, parse_status(reply.value))

    async def claim_pass(self, ref: SaleRef, number: int, pass_id: str) -> LineAnswer:
        """ADMITTED or not; `ms` is the session's deadline, or how long to wait when DEFERRED."""
        return await self._answer(ref, "claim_pass", number, pass_id)

    async def check_place(self, ref: SaleRef, number: int, pass_id: str) -> LineAnswer:
        """What a ticket is worth, without claiming it."""
        return await self._answer(ref, "check_place", number, pass_id)

    async def find_visitor(self, ref: SaleRef, number: int, pass_id: str) -> VisitorTraces:
        """What has become of a number (0: unknown) and of a pass (empty: unknown)."""
        reply = await guarded(self._executor, ref, "find_visitor", (number, pass_id))
        return VisitorTraces(**VISITOR_TRACES.named(reply.values))

    async def read_calls(self, ref: SaleRef) -> OpenCalls:
        """What a checkpoint keeps of those who were called."""
        reply = await guarded(self._executor, ref, "read_calls")
        calls = OPEN_CALLS.named(reply.values)
        for text in ("show_called", "show_shown"):
            calls[text] = float(calls[text])
        return OpenCalls(reply.revision, reply.now_ms, **calls)

    async def renew_pass(self, ref: SaleRef, pass_id: str) -> LineAnswer:
        """A later session deadline."""
        return await self._answer(ref, "renew_pass", pass_id)

    async def return_pass(
        self, ref: SaleRef, pass_id: str, expires_ms: int, limit_ms: int = 0
    ) -> Code:
        """Takes up the session of a pass that was issued before a rebuild."""
        return (await self._answer(ref, "return_pass", pass_id, expires_ms, limit_ms)).code

    async def end_pass(self, ref: SaleRef, pass_id: str, reason: str) -> LineAnswer:
        """Frees the slot; UNCHANGED when the session was over before."""
        return await self._answer(ref, "end_pass", pass_id, reason)

    async def exchange_handoff(self, ref: SaleRef, handoff_id: str, pass_id: str) -> LineAnswer:
        """OK once for each hand-off, and for so many of a pass in two minutes."""
        own = (keys.handoffs(ref.uid, pass_id),)
        args = (pass_id, handoff_id, _HANDOFF_KEPT_MS)
        return await self._answer(ref, "exchange_handoff", *args, own_keys=own)

    async def change_lifecycle(self, ref: SaleRef, operation: str) -> LifecycleChanged:
        """Does one of `open`, `pause`, `resume`, `drain` and `close`."""
        reply = await guarded(self._executor, ref, "change_lifecycle", (operation,))
        changed = LIFECYCLE.named(reply.values)
        lifecycle = changed["lifecycle"].decode()
        return LifecycleChanged(reply.code, reply.now_ms, lifecycle, changed["opens_ms"])

    async def update_line(
        self,
        ref: SaleRef,
        settings_version: int,
        times_ms: tuple[int, int, int],
        terms: LineTerms,
    ) -> LineAnswer:
        """New settings; `times_ms` are prequeue, open and end."""
        times = zip(("prequeue_ms", "opens_ms", "ends_ms"), times_ms, strict=True)
        values = {"settings_version": settings_version, **dict(times), **_by_name(terms)}
        guard = {"epoch": ref.epoch, "revision": ref.revision}
        signature = self._executor.bundle.script("update_line").args
        args = signature.arrange({**guard, **values})[len(guard) :]
        return await self._answer(ref, "update_line", *args)

    async def limit_joins(
        self, ref: SaleRef, digest: str, rate: int, burst: int, client: str
    ) -> LineAnswer:
        """OK, or JOIN_LIMITED with the ms to wait; `digest` is of the address `client`."""
        own = (keys.address(ref.uid, digest),)
        return await self._answer(ref, "limit_joins", rate, burst, client, own_keys=own)

    async def read_addresses(self, ref: SaleRef, limit: int) -> list[AddressJoins]:
        """The client addresses that join unusually often, those with the most joins first."""
        reply = await guarded(self._executor, ref, "read_addresses", (limit,))
        found = ADDRESSES.named(reply.values)
        pairs = zip(ADDRESS_JOINS.groups(found["joins"]), found["refused"], strict=True)
        return [AddressJoins(one.decode(), int(joins), times) for (one, joins), times in pairs]

    async def bind_identity(
        self, ref: SaleRef, bucket: int, digest: bytes, seen: str = "", place: str = ""
    ) -> str:
        """The place that the identity has now; empty for none."""
        own = (keys.identities(ref.uid, bucket),)
        reply = await guarded(self._executor, ref, "bind_identity", (digest, seen, place), own)
        held: bytes = reply.value
        return held.decode()

    async def mark_present(
        self, ref: SaleRef, window: int, name: str, offset: int, bits: bytes
    ) -> int:
        """Adds a worker's bits to a window, answers how many of those waiting asked in it."""
        own = (keys.present(ref.uid, name),)
        reply = await guarded(self._executor, ref, "mark_present", (window, offset, bits), own)
        return int(reply.value)

    async def seal_draw(
        self,
        ref: SaleRef,
        entrants: int,
        accumulator: str,
        beacon: str | None,
        *,
        closed_ms: int = 0,
        sealed_ms: int = 0,
    ) -> Code:
        """Gives the frozen lobby the order that the ledger has fixed, with its times."""
        args = (entrants, accumulator, beacon or "", closed_ms, sealed_ms)
        return (await self._answer(ref, "seal_draw", *args)).code

    async def install_line(self, ref: SaleRef, terms: LineTerms, start: LineCheckpoint) -> Code:
        """Writes the line anew. Not guarded: the sale hash is installed after it."""
        values = {**_by_name(terms), **_by_name(start), "epoch": ref.epoch}
        values["gaps"] = format_gaps(start.gaps)
        args = self._executor.bundle.script("install_line").args.arrange(values)
        raw = await run_for_sale(self._executor, ref.keys, "install_line", args)
        return code_of(raw)

    async def _answer(
        self, ref: SaleRef, name: str, *args: Argument, own_keys: Sequence[str] = ()
    ) -> LineAnswer:
        reply = await guarded(self._executor, ref, name, args, own_keys)
        return LineAnswer(
            reply.code, reply.now_ms, **dict(zip(SESSION_END.names, reply.values, strict=False))
        )


def _by_name(values: LineTerms | LineCheckpoint) -> dict[str, Argument]:
    """The fields as arguments of a script, to which a truth or an enumeration is a number."""
    named = {field.name: getattr(values, field.name) for field in fields(values)}
    return {name: int(value) if isinstance(value, int) else value for name, value in named.items()}
