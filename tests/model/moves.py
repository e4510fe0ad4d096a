"""What each kind of move does in a world, and which deed its numbers choose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from model import deeds
from model.sale import BUYERS
from model.schedule import DEEDS, Move
from model.scheduler import Delivery
from model.terms import AREAS, CLUB, SEATS
from model.world import WORKERS, Deed, World

from holdfast_inventory.ledger import RefundItem
from holdfast_lua.stock_records import HoldRecord

JUMPS_MS: Final = (1_000, 61_000, 121_000, 300_000, 601_000, 1_201_000, -30_000)
LODGE_ASKED: Final = (0, 0, 1, 1, 0, 0, 0, 0, 2, 0, 0, 1, 0, 2, 0, 0)
"""units of the lodge; every third of these asks with the channel"""
OPERATIONS: Final = ("pause", "resume", "drain", "pause", "resume", "close")


async def make(world: World, move: Move) -> None:
    """Makes the move, and waits until all workers wait at a call again."""
    if move.kind in ("ask", "rush"):
        deed = _deed(world, move)
        if deed is None:
            return
        worker = world.start(move.b % WORKERS, deed)
        await world.scheduler.settle()
        if move.kind == "rush":
            await world.run(worker)
        return
    await _KINDS[move.kind](world, move)


def _deliver(delivery: Delivery) -> Callable[[World, Move], Awaitable[None]]:
    """One of the calls that wait meets this delivery."""

    async def make(world: World, move: Move) -> None:
        waiting = world.scheduler.waiting
        if waiting:
            await world.scheduler.deliver([waiting[move.a % len(waiting)]], delivery)

    return make


async def _run(world: World, move: Move) -> None:
    await world.run(world.workers[move.a % WORKERS])


async def _batch(world: World, move: Move) -> None:
    """All that waits to be written in the ledger arrives at once: one batch, each order once."""
    calls = [call for call in world.scheduler.waiting if call.name == "ledger.commit"]
    first = {_order_of(call.what): call for call in reversed(calls)}
    if first:
        await world.scheduler.deliver(
            [call for call in calls if first[_order_of(call.what)] is call]
        )


def _order_of(intent: object) -> str:
    """Which order an intent is about."""
    order = getattr(intent, "order", None)
    return str(order.id if order is not None else getattr(intent, "order_id", ""))


async def _time(world: World, move: Move) -> None:
    await world.set_clock(world.now_ms + JUMPS_MS[move.a % len(JUMPS_MS)])


_KINDS: dict[str, Callable[[World, Move], Awaitable[None]]] = {
    "deliver": _deliver(Delivery.DONE),
    "run": _run,
    "batch": _batch,
    "lose_answer": _deliver(Delivery.ANSWER_LOST),
    "not_sent": _deliver(Delivery.NOT_SENT),
    "crash_before": _deliver(Delivery.CRASH_BEFORE),
    "crash_after": _deliver(Delivery.CRASH_AFTER),
    "time": _time,
    "wipe": lambda world, move: world.wipe(),
    "snapshot": lambda world, move: world.take_snapshot(),
    "roll_back": lambda world, move: world.roll_back(),
}


def _deed(world: World, move: Move) -> Deed | None:
    """What is asked for; None when there is no hold yet to ask it of."""
    kind = list(DEEDS)[move.a % len(DEEDS)]
    if kind in _OF_THE_SALE:
        return _OF_THE_SALE[kind](world, move)
    if not world.seen:
        return None
    hold = list(world.seen.values())[-1 - (move.b // 3 % min(len(world.seen), 4))]
    return _OF_A_HOLD[kind](world, hold, move)


def _buyer(move: Move) -> str:
    return BUYERS[move.b % len(BUYERS)]


def _key(move: Move) -> int:
    return move.b // 7 % 9


def _hold(world: World, move: Move) -> Deed:
    best, floor = (0, 1, 2, 2, 3, 0)[move.c % 6], (0, 0, 1, 2)[move.c // 6 % 4]
    seats = [] if best else [move.c // 24 % SEATS, (move.c // 24 + move.c % 5) % SEATS]
    body = deeds.wanted(best, (floor, LODGE_ASKED[move.b // 63]), seats)
    carried = frozenset({CLUB} if move.b // 63 % 3 == 2 else ())
    return deeds.hold(world, _buyer(move), _key(move), body, carried)


def _run_of_seats(move: Move) -> list[int]:
    """Up to three seats in a run, where there are so many."""
    first = move.c % SEATS
    return list(range(first, min(SEATS, first + 1 + move.b // 7 % 3)))


def _operate(world: World, move: Move) -> Deed:
    return deeds.operate(OPERATIONS[move.c % len(OPERATIONS)])


_OF_THE_SALE: dict[str, Callable[[World, Move], Deed | None]] = {
    "hold": _hold,
    "again": lambda world, move: deeds.hold_again(world, move.b // 3),
    "cancel": lambda world, move: deeds.cancel(world, _buyer(move), _key(move)),
    "sweep": lambda world, move: deeds.sweep(),
    "recover": lambda world, move: deeds.recover(),
    "block": lambda world, move: deeds.block(_run_of_seats(move), blocked=True),
    "unblock": lambda world, move: deeds.block(_run_of_seats(move), blocked=False),
    "operate": _operate,
    "let_out": lambda world, move: deeds.let_out(world),
    "look": lambda world, move: deeds.look(),
}


def _owner(hold: HoldRecord, move: Move) -> str:
    """Mostly who holds it, or the platform; sometimes a stranger."""
    return (hold.buyer, hold.buyer, "", BUYERS[move.c % len(BUYERS)])[move.c % 4]


def _version(hold: HoldRecord, move: Move) -> int:
    """Any, the one that was seen, or one that is over."""
    return (0, hold.version, hold.version, max(1, hold.version - 1))[move.c // 4 % 4]


def _extend(world: World, hold: HoldRecord, move: Move) -> Deed:
    return deeds.extend(world, hold, _owner(hold, move), _version(hold, move))


def _release(world: World, hold: HoldRecord, move: Move) -> Deed:
    return deeds.release(world, hold, _owner(hold, move), _version(hold, move))


def _part(world: World, hold: HoldRecord, move: Move) -> Deed:
    return deeds.refund(world, hold, _units(hold, move), ("", "r1", "r2")[move.c % 3])


def _units(hold: HoldRecord, move: Move) -> tuple[RefundItem, ...] | None:
    if hold.seats and move.c % 2:
        return (RefundItem(seat=f"s{hold.seats[move.c % len(hold.seats)]}"),)
    return (RefundItem(area=AREAS[hold.areas[0].area]),) if hold.areas else None


_OF_A_HOLD: dict[str, Callable[[World, HoldRecord, Move], Deed]] = {
    "extend": _extend,
    "release": _release,
    "pay": lambda world, hold, move: deeds.pay(world, hold),
    "confirm": lambda world, hold, move: deeds.confirm(world, hold),
    "wrong": lambda world, hold, move: deeds.confirm(world, hold, amount=hold.total - 1),
    "other": lambda world, hold, move: deeds.confirm(world, hold, other=True),
    "refund": lambda world, hold, move: deeds.refund(world, hold, None, ""),
    "part": _part,
}
