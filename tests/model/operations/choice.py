"""Which operation a step asks for: its numbers choose among what there is at that moment."""

from collections.abc import Callable
from typing import Final

from model.operations import buyers, operator, platform
from model.reference.terms import AREAS, CLUB, SEATS
from model.sale import BUYERS
from model.schedule import OPERATIONS, Step
from model.state import Operation, RunState

from holdfast_ledger import RefundItem
from holdfast_lua.calls.records import HoldRecord

LODGE_ASKED: Final = (0, 0, 1, 1, 0, 0, 0, 0, 2, 0, 0, 1, 0, 2, 0, 0)
"""units of the lodge; every third of these asks with the channel"""
LIFECYCLE_CHANGES: Final = ("pause", "resume", "drain", "pause", "resume", "close")


def chosen(state: RunState, step: Step) -> Operation | None:
    """What is asked for; None when there is no hold yet to ask it of."""
    kind = list(OPERATIONS)[step.a % len(OPERATIONS)]
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


def _hold(state: RunState, step: Step) -> Operation:
    best, floor = (0, 1, 2, 2, 3, 0)[step.c % 6], (0, 0, 1, 2)[step.c // 6 % 4]
    seats = [] if best else [step.c // 24 % SEATS, (step.c // 24 + step.c % 5) % SEATS]
    body = buyers.wanted(best, (floor, LODGE_ASKED[step.b // 63]), seats)
    carried = frozenset({CLUB} if step.b // 63 % 3 == 2 else ())
    return buyers.hold(state, _buyer(step), _key(step), body, carried)


def _run_of_seats(step: Step) -> list[int]:
    """Up to three seats in a run, where there are so many."""
    first = step.c % SEATS
    return list(range(first, min(SEATS, first + 1 + step.b // 7 % 3)))


def _change_lifecycle(state: RunState, step: Step) -> Operation:
    return operator.change_lifecycle(LIFECYCLE_CHANGES[step.c % len(LIFECYCLE_CHANGES)])


_OF_THE_SALE: dict[str, Callable[[RunState, Step], Operation | None]] = {
    "hold": _hold,
    "repeat_hold": lambda state, step: buyers.repeat_hold(state, step.b // 3),
    "cancel": lambda state, step: buyers.cancel(state, _buyer(step), _key(step)),
    "sweep": lambda state, step: operator.sweep,
    "recover": lambda state, step: operator.recover,
    "block": lambda state, step: operator.block(_run_of_seats(step), blocked=True),
    "unblock": lambda state, step: operator.block(_run_of_seats(step), blocked=False),
    "change_lifecycle": _change_lifecycle,
    "release_allotment": lambda state, step: operator.release_allotment,
    "refresh": lambda state, step: operator.refresh,
}


def _owner(hold: HoldRecord, step: Step) -> str:
    """Mostly who holds it, or the platform; sometimes a stranger."""
    return (hold.buyer, hold.buyer, "", BUYERS[step.c % len(BUYERS)])[step.c % 4]


def _version(hold: HoldRecord, step: Step) -> int:
    """Any, the one that was seen, or one that is over."""
    return (0, hold.version, hold.version, max(1, hold.version - 1))[step.c // 4 % 4]


def _extend(state: RunState, hold: HoldRecord, step: Step) -> Operation:
    return buyers.extend(state, hold, _owner(hold, step), _version(hold, step))


def _release(state: RunState, hold: HoldRecord, step: Step) -> Operation:
    return buyers.release(state, hold, _owner(hold, step), _version(hold, step))


def _part(state: RunState, hold: HoldRecord, step: Step) -> Operation:
    return platform.refund(state, hold, _units(hold, step), ("", "r1", "r2")[step.c % 3])


def _units(hold: HoldRecord, step: Step) -> tuple[RefundItem, ...] | None:
    if hold.seats and step.c % 2:
        return (RefundItem(seat=f"s{hold.seats[step.c % len(hold.seats)]}"),)
    return (RefundItem(area=AREAS[hold.areas[0].area]),) if hold.areas else None


_OF_A_HOLD: dict[str, Callable[[RunState, HoldRecord, Step], Operation]] = {
    "extend": _extend,
    "release": _release,
    "begin_paying": lambda state, hold, step: platform.pay(state, hold),
    "confirm": lambda state, hold, step: platform.confirm(state, hold),
    "confirm_wrong_amount": lambda state, hold, step: platform.confirm(
        state, hold, amount=hold.total - 1
    ),
    "confirm_other_order": lambda state, hold, step: platform.confirm(state, hold, other=True),
    "refund": lambda state, hold, step: platform.refund(state, hold, None, ""),
    "refund_part": _part,
}
