"""Random scenarios of two stores: what one is, and how it is drawn from a seed."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

from model.operations import operator
from model.reference.terms import SEATS
from model.scheduler import Delivery
from model.state import WORKERS
from model.two_stores import operations
from model.two_stores.state import FORMER, PROMOTED, TwoStoreState

Scenario = Callable[[TwoStoreState], Awaitable[None]]
STEPS: Final = (30, 60)
WEIGHTS: Final = {
    "hold": 20,
    "confirm": 18,
    "sweep": 14,
    "recover": 3,
    "ping": 6,
    "look": 12,
    "deliver": 40,
    "run": 12,
    "lose_answer": 2,
    "not_sent": 2,
    "crash_after": 2,
    "replicate": 5,
    "fail_over": 5,
    "reconnect": 10,
    "wipe": 2,
}
"""how often each kind of step is drawn"""


def drawn(seed: int) -> Scenario:
    """The scenario of a seed, always the same."""

    async def scenario(state: TwoStoreState) -> None:
        dice = random.Random(seed)
        kinds = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=dice.randint(*STEPS))
        for key, kind in enumerate(kinds):
            number, choice = dice.randrange(WORKERS), dice.randrange(1000)
            state.trace.append(f"{kind} {number} {choice}")
            await _make(state, kind, number, choice, key)
            await state.scheduler.run_until_blocked()

    return scenario


async def _make(state: TwoStoreState, kind: str, number: int, choice: int, key: int) -> None:
    if kind in _DELIVERIES:
        waiting = state.scheduler.waiting
        if waiting:
            await state.scheduler.deliver([waiting[choice % len(waiting)]], _DELIVERIES[kind])
    elif kind == "hold":
        state.start(number, operations.hold(state, choice % (SEATS - 2), key))
    elif kind == "confirm":
        if state.seen:
            held = list(state.seen.values())
            state.start(number, operations.confirm(state, held[-1 - choice % min(len(held), 3)]))
    elif kind in ("sweep", "recover"):
        state.start(number, operator.sweep if kind == "sweep" else operator.recover)
    elif kind in ("ping", "look"):
        (state.ping if kind == "ping" else state.look)(number)
    elif kind == "run":
        await state.run(state.workers[number])
    else:
        await _disturb(state, kind, number, choice)


async def _disturb(state: TwoStoreState, kind: str, number: int, choice: int) -> None:
    if kind == "replicate" and state.named == FORMER:
        await state.replicate()
    elif kind == "fail_over" and state.named == FORMER:
        await state.fail_over()
        state.isolated = {worker for worker in range(WORKERS) if choice >> worker & 1}
    elif kind == "reconnect":
        state.isolated.discard(number)
    elif kind == "wipe":
        await state.wipe((FORMER, PROMOTED)[choice % 2])


_DELIVERIES: Final = {
    "deliver": Delivery.DONE,
    "lose_answer": Delivery.ANSWER_LOST,
    "not_sent": Delivery.NOT_SENT,
    "crash_after": Delivery.CRASH_AFTER,
}
