"""What each kind of step does in a run, and which deed its numbers choose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from model import deeds
from model.sale import BUYERS
from model.schedule import DEEDS, Step
from model.scheduler import Delivery
from model.state import WORKERS, Deed, RunState
from model.terms import AREAS, CLUB, SEATS

from holdfast_inventory.ledger import RefundItem
from holdfast_lua.stock_records import HoldRecord

JUMPS_MS: Final = (1_000, 61_000, 121_000, 300_000, 601_000, 1_201_000, -30_000)
LODGE_ASKED: Final = (0, 0, 1, 1, 0, 0, 0, 0, 2, 0, 0, 1, 0, 2, 0, 0)
"""units of the lodge; every third of these asks with the channel"""
OPERATIONS: Final = ("pause", "resume", "drain", "pause", "resume", "close")


async def make(state: RunState, step: Step) -> None:
    """Takes the step, and waits until all workers wait at a call again."""
    if step.kind in ("ask", "rush"):
        deed = _deed(state, step)
        if deed is None:
            return
        worker = state.start(step.b % WORKERS, deed)
        await state.scheduler.settle()
        if step.kind == "rush":
            await state.run(worker)
        return
    await _KINDS[step.kind](state, step)


def _deliver(delivery: Delivery) -> Callable[[RunState, Step], Awaitable[None]]:
    """One of the calls that wait meets this delivery."""

    async def make(state: RunState, step: Step) -> None:
        waiting = state.scheduler.waiting
        if waiting:
            await state.scheduler.deliver([waiting[step.a % len(waiting)]], delivery)

    return make


async def _run(state: RunState, step: Step) -> None:
    await state.run(state.workers[step.a % WORKERS])


async def _batch(state: RunState, step: Step) -> None:
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


async def _time(state: RunState, step: Step) -> None:
    await state.set_clock(state.now_ms + JUMPS_MS[step.a % len(JUMPS_MS)])


_KINDS: dict[str, Callable[[RunState, Step], Awaitable[None]]] = {
    "deliver": _deliver(Delivery.DONE),
    "run": _run,
    "batch": _batch,
    "lose_answer": _deliver(Delivery.ANSWER_LOST),
    "not_sent": _deliver(Delivery.NOT_SENT),
    "crash_before": _deliver(Delivery.CRASH_BEFORE),
    "crash_after": _deliver(Delivery.CRASH_AFTER),
    "time": _time,
    "wipe": lambda state, step: state.wipe(),
    "snapshot": lambda state, step: state.take_snapshot(),
    "roll_back": lambda state, step: state.roll_back(),
}


def _deed(state: RunState, step: Step) -> Deed | None:
    """What is asked for; None when there is no hold yet to ask it of."""
    kind = list(DEEDS)[step.a % len(DEEDS)]
    if kind in _OF_THE_SALE:
        return _OF_THE_SALE[kind](state, step)
    if not state.seen:
        return None
    hold = list(state.seen.values())[-1 - (step.b // 3 % min(len(state.seen), 4))]
    return _OF_A_HOLD[kind](state, hold, step)


def _buyer(step: Step) -> str:
    return BUYERS[step.b % len(BUYERS)]


def _key(step: Step) -> int:
    return step.b // 7 % 9


def _hold(state: RunState, step: Step) -> Deed:
    best, floor = (0, 1, 2, 2, 3, 0)[step.c % 6], (0, 0, 1, 2)[step.c // 6 % 4]
    seats = [] if best else [step.c // 24 % SEATS, (step.c // 24 + step.c % 5) % SEATS]
    body = deeds.wanted(best, (floor, LODGE_ASKED[step.b // 63]), seats)
    carried = frozenset({CLUB} if step.b // 63 % 3 == 2 else ())
    return deeds.hold(state, _buyer(step), _key(step), body, carried)


def _run_of_seats(step: Step) -> list[int]:
    """Up to three seats in a run, where there are so many."""
    first = step.c % SEATS
    return list(range(first, min(SEATS, first + 1 + step.b // 7 % 3)))


def _operate(state: RunState, step: Step) -> Deed:
    return deeds.operate(OPERATIONS[step.c % len(OPERATIONS)])


_OF_THE_SALE: dict[str, Callable[[RunState, Step], Deed | None]] = {
    "hold": _hold,
    "again": lambda state, step: deeds.hold_again(state, step.b // 3),
    "cancel": lambda state, step: deeds.cancel(state, _buyer(step), _key(step)),
    "sweep": lambda state, step: deeds.sweep(),
    "recover": lambda state, step: deeds.recover(),
    "block": lambda state, step: deeds.block(_run_of_seats(step), blocked=True),
    "unblock": lambda state, step: deeds.block(_run_of_seats(step), blocked=False),
    "operate": _operate,
    "let_out": lambda state, step: deeds.let_out(state),
    "look": lambda state, step: deeds.look(),
}


def _owner(hold: HoldRecord, step: Step) -> str:
    """Mostly who holds it, or the platform; sometimes a stranger."""
    return (hold.buyer, hold.buyer, "", BUYERS[step.c % len(BUYERS)])[step.c % 4]


def _version(hold: HoldRecord, step: Step) -> int:
    """Any, the one that was seen, or one that is over."""
    return (0, hold.version, hold.version, max(1, hold.version - 1))[step.c // 4 % 4]


def _extend(state: RunState, hold: HoldRecord, step: Step) -> Deed:
    return deeds.extend(state, hold, _owner(hold, step), _version(hold, step))


def _release(state: RunState, hold: HoldRecord, step: Step) -> Deed:
    return deeds.release(state, hold, _owner(hold, step), _version(hold, step))


def _part(state: RunState, hold: HoldRecord, step: Step) -> Deed:
    return deeds.refund(state, hold, _units(hold, step), ("", "r1", "r2")[step.c % 3])


def _units(hold: HoldRecord, step: Step) -> tuple[RefundItem, ...] | None:
    if hold.seats and step.c % 2:
        return (RefundItem(seat=f"s{hold.seats[step.c % len(hold.seats)]}"),)
    return (RefundItem(area=AREAS[hold.areas[0].area]),) if hold.areas else None


_OF_A_HOLD: dict[str, Callable[[RunState, HoldRecord, Step], Deed]] = {
    "extend": _extend,
    "release": _release,
    "pay": lambda state, hold, step: deeds.pay(state, hold),
    "confirm": lambda state, hold, step: deeds.confirm(state, hold),
    "wrong": lambda state, hold, step: deeds.confirm(state, hold, amount=hold.total - 1),
    "other": lambda state, hold, step: deeds.confirm(state, hold, other=True),
    "refund": lambda state, hold, step: deeds.refund(state, hold, None, ""),
    "part": _part,
}
