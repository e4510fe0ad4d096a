"""What each kind of move does in a run, and which deed its numbers choose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from model import deeds
from model.sale import BUYERS
from model.schedule import DEEDS, Move
from model.scheduler import Delivery
from model.state import WORKERS, Deed, RunState
from model.terms import AREAS, CLUB, SEATS

from holdfast_inventory.ledger import RefundItem
from holdfast_lua.stock_records import HoldRecord

JUMPS_MS: Final = (1_000, 61_000, 121_000, 300_000, 601_000, 1_201_000, -30_000)
LODGE_ASKED: Final = (0, 0, 1, 1, 0, 0, 0, 0, 2, 0, 0, 1, 0, 2, 0, 0)
"""units of the lodge; every third of these asks with the channel"""
OPERATIONS: Final = ("pause", "resume", "drain", "pause", "resume", "close")


async def make(state: RunState, move: Move) -> None:
    """Makes the move, and waits until all workers wait at a call again."""
    if move.kind in ("ask", "rush"):
        deed = _deed(state, move)
        if deed is None:
            return
        worker = state.start(move.b % WORKERS, deed)
        await state.scheduler.settle()
        if move.kind == "rush":
            await state.run(worker)
        return
    await _KINDS[move.kind](state, move)


def _deliver(delivery: Delivery) -> Callable[[RunState, Move], Awaitable[None]]:
    """One of the calls that wait meets this delivery."""

    async def make(state: RunState, move: Move) -> None:
        waiting = state.scheduler.waiting
        if waiting:
            await state.scheduler.deliver([waiting[move.a % len(waiting)]], delivery)

    return make


async def _run(state: RunState, move: Move) -> None:
    await state.run(state.workers[move.a % WORKERS])


async def _batch(state: RunState, move: Move) -> None:
    """All that waits to be written in the ledger arrives at once: one batch, each order once."""
    calls = [call for call in state.scheduler.waiting if call.name == "ledger.commit"]
    first = {_order_of(call.what): call for call in reversed(calls)}
    if first:
        await state.scheduler.deliver(
            [call for call in calls if first[_order_of(call.what)] is call]
        )


def _order_of(intent: object) -> str:
    """Which order an intent is about."""
    order = getattr(intent, "order", None)
    return str(order.id if order is not None else getattr(intent, "order_id", ""))


async def _time(state: RunState, move: Move) -> None:
    await state.set_clock(state.now_ms + JUMPS_MS[move.a % len(JUMPS_MS)])


_KINDS: dict[str, Callable[[RunState, Move], Awaitable[None]]] = {
    "deliver": _deliver(Delivery.DONE),
    "run": _run,
    "batch": _batch,
    "lose_answer": _deliver(Delivery.ANSWER_LOST),
    "not_sent": _deliver(Delivery.NOT_SENT),
    "crash_before": _deliver(Delivery.CRASH_BEFORE),
    "crash_after": _deliver(Delivery.CRASH_AFTER),
    "time": _time,
    "wipe": lambda state, move: state.wipe(),
    "snapshot": lambda state, move: state.take_snapshot(),
    "roll_back": lambda state, move: state.roll_back(),
}


def _deed(state: RunState, move: Move) -> Deed | None:
    """What is asked for; None when there is no hold yet to ask it of."""
    kind = list(DEEDS)[move.a % len(DEEDS)]
    if kind in _OF_THE_SALE:
        return _OF_THE_SALE[kind](state, move)
    if not state.seen:
        return None
    hold = list(state.seen.values())[-1 - (move.b // 3 % min(len(state.seen), 4))]
    return _OF_A_HOLD[kind](state, hold, move)


def _buyer(move: Move) -> str:
    return BUYERS[move.b % len(BUYERS)]


def _key(move: Move) -> int:
    return move.b // 7 % 9


def _hold(state: RunState, move: Move) -> Deed:
    best, floor = (0, 1, 2, 2, 3, 0)[move.c % 6], (0, 0, 1, 2)[move.c // 6 % 4]
    seats = [] if best else [move.c // 24 % SEATS, (move.c // 24 + move.c % 5) % SEATS]
    body = deeds.wanted(best, (floor, LODGE_ASKED[move.b // 63]), seats)
    carried = frozenset({CLUB} if move.b // 63 % 3 == 2 else ())
    return deeds.hold(state, _buyer(move), _key(move), body, carried)


def _run_of_seats(move: Move) -> list[int]:
    """Up to three seats in a run, where there are so many."""
    first = move.c % SEATS
    return list(range(first, min(SEATS, first + 1 + move.b // 7 % 3)))


def _operate(state: RunState, move: Move) -> Deed:
    return deeds.operate(OPERATIONS[move.c % len(OPERATIONS)])


_OF_THE_SALE: dict[str, Callable[[RunState, Move], Deed | None]] = {
    "hold": _hold,
    "again": lambda state, move: deeds.hold_again(state, move.b // 3),
    "cancel": lambda state, move: deeds.cancel(state, _buyer(move), _key(move)),
    "sweep": lambda state, move: deeds.sweep(),
    "recover": lambda state, move: deeds.recover(),
    "block": lambda state, move: deeds.block(_run_of_seats(move), blocked=True),
    "unblock": lambda state, move: deeds.block(_run_of_seats(move), blocked=False),
    "operate": _operate,
    "let_out": lambda state, move: deeds.let_out(state),
    "look": lambda state, move: deeds.look(),
}


def _owner(hold: HoldRecord, move: Move) -> str:
    """Mostly who holds it, or the platform; sometimes a stranger."""
    return (hold.buyer, hold.buyer, "", BUYERS[move.c % len(BUYERS)])[move.c % 4]


def _version(hold: HoldRecord, move: Move) -> int:
    """Any, the one that was seen, or one that is over."""
    return (0, hold.version, hold.version, max(1, hold.version - 1))[move.c // 4 % 4]


def _extend(state: RunState, hold: HoldRecord, move: Move) -> Deed:
    return deeds.extend(state, hold, _owner(hold, move), _version(hold, move))


def _release(state: RunState, hold: HoldRecord, move: Move) -> Deed:
    return deeds.release(state, hold, _owner(hold, move), _version(hold, move))


def _part(state: RunState, hold: HoldRecord, move: Move) -> Deed:
    return deeds.refund(state, hold, _units(hold, move), ("", "r1", "r2")[move.c % 3])


def _units(hold: HoldRecord, move: Move) -> tuple[RefundItem, ...] | None:
    if hold.seats and move.c % 2:
        return (RefundItem(seat=f"s{hold.seats[move.c % len(hold.seats)]}"),)
    return (RefundItem(area=AREAS[hold.areas[0].area]),) if hold.areas else None


_OF_A_HOLD: dict[str, Callable[[RunState, HoldRecord, Move], Deed]] = {
    "extend": _extend,
    "release": _release,
    "pay": lambda state, hold, move: deeds.pay(state, hold),
    "confirm": lambda state, hold, move: deeds.confirm(state, hold),
    "wrong": lambda state, hold, move: deeds.confirm(state, hold, amount=hold.total - 1),
    "other": lambda state, hold, move: deeds.confirm(state, hold, other=True),
    "refund": lambda state, hold, move: deeds.refund(state, hold, None, ""),
    "part": _part,
}
