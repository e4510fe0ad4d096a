"""What each kind of step does in a run."""

from collections.abc import Awaitable, Callable
from typing import Final

from model.operations.choice import chosen
from model.schedule import Step
from model.scheduler import Delivery
from model.state import WORKERS, RunState

JUMPS_MS: Final = (1_000, 61_000, 121_000, 300_000, 601_000, 1_201_000, -30_000)


async def make(state: RunState, step: Step) -> None:
    """Takes the step, and waits until all workers wait at a call again."""
    if step.kind in ("start", "perform"):
        operation = chosen(state, step)
        if operation is None:
            return
        worker = state.start(step.b % WORKERS, operation)
        await state.scheduler.run_until_blocked()
        if step.kind == "perform":
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
