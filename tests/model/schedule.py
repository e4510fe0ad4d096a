"""Random schedules: drawn from a seed, run against model and real code, shrunk when they fail.

A schedule is a list of moves, each a kind and three numbers that are taken modulo whatever there is
to choose from at that moment. So every sub-list of a schedule is a schedule again, which makes
shrinking plain: leave moves out as long as the run still fails in the same way. The same seed gives
the same moves, ids and picks; nothing in a run depends on a clock or on chance beside it.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from model.stage import Fate
from model.store_model import SEATS, Violation
from model.world import BUYERS, POLICIES, WORKERS, Deed, Policy, World, wanted

from holdfast_inventory.ledger import Ledger, RefundItem
from holdfast_inventory.ledger.schema import metadata
from holdfast_lua import Executor
from holdfast_lua.stock_records import HoldRecord

JUMPS_MS = (1_000, 61_000, 121_000, 300_000, 601_000, 1_201_000, -30_000)
MOVES = (30, 60)

WEIGHTS = {
    "ask": 30,
    "rush": 26,
    "cue": 30,
    "run": 8,
    "together": 5,
    "lose": 3,
    "unsent": 2,
    "die_before": 3,
    "die_behind": 3,
    "time": 9,
    "wipe": 1,
    "snapshot": 1,
    "roll_back": 1,
}
DEEDS = {
    "hold": 30,
    "again": 4,
    "extend": 5,
    "release": 8,
    "cancel": 3,
    "pay": 10,
    "confirm": 22,
    "wrong": 2,
    "other": 3,
    "refund": 6,
    "part": 5,
    "sweep": 4,
    "recover": 8,
    "block": 5,
    "unblock": 3,
    "operate": 3,
}
OPERATIONS = ("pause", "resume", "drain", "pause", "resume", "close")


@dataclass(frozen=True)
class Move:
    """One thing that a schedule does; its numbers choose among what there is."""

    kind: str
    a: int = 0
    b: int = 0
    c: int = 0


@dataclass(frozen=True)
class Schedule:
    """Moves on a sale with this policy for late payments."""

    policy: Policy
    moves: tuple[Move, ...]

    def __str__(self) -> str:
        lines = [f"    Move({m.kind!r}, {m.a}, {m.b}, {m.c})," for m in self.moves]
        return f"Schedule({self.policy!r}, (\n" + "\n".join(lines) + "\n))"


@dataclass(frozen=True)
class Failure:
    """A schedule that fails, how, and what happened in it."""

    schedule: Schedule
    violation: BaseException
    steps: tuple[str, ...]

    @property
    def kind(self) -> str:
        found = self.violation
        return found.kind if isinstance(found, Violation) else type(found).__name__

    def __str__(self) -> str:
        steps = "\n".join(self.steps)
        return f"{self.violation!r}\n{self.schedule}\n{steps}"


def drawn(seed: int) -> Schedule:
    """The schedule of a seed."""
    dice = random.Random(seed)
    kinds = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=dice.randint(*MOVES))
    moves = []
    for kind in kinds:
        deed = kind in ("ask", "rush")
        a = dice.choices(range(len(DEEDS)), list(DEEDS.values()))[0] if deed else dice.randrange(99)
        moves.append(Move(kind, a, dice.randrange(1000), dice.randrange(1000)))
    return Schedule(dice.choice(POLICIES), tuple(moves))


UID: Final = "model"
"""every run's sale, gone before the next: ids are made of it, and the same seed gives the same"""


@dataclass(frozen=True)
class Run:
    """What happened in a run, and what was wrong with it."""

    steps: tuple[str, ...]
    failure: Failure | None


async def play(schedule: Schedule, executor: Executor, ledger: Ledger) -> Run:
    """Runs a schedule on a sale of its own."""
    world = World(executor, ledger, UID, schedule.policy)
    failure = None
    try:
        await world.open()
        for move in schedule.moves:
            world.steps.append(str(move))
            await _play(world, move)
        await world.finish()
    except Exception as violation:
        failure = Failure(schedule, violation, tuple(world.steps))
    finally:
        await _clear(world)
    return Run(tuple(world.steps), failure)


async def _clear(world: World) -> None:
    for worker in world.workers:
        worker.die()
    # What a dead worker still has to say about its end has been judged, or is nobody's affair.
    with contextlib.suppress(Exception):
        await world.stage.settle()
    await world.wipe()
    async with world.ledger.database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            column = table.columns.get("sale_uid", table.columns.get("uid"))
            if column is not None:
                await connection.execute(table.delete().where(column == world.uid))


async def shrunk(failure: Failure, executor: Executor, ledger: Ledger, *, tries: int) -> Failure:
    """The failure with as few moves as can be found in so many runs."""
    size = max(1, len(failure.schedule.moves) // 2)
    while tries > 0:
        smaller = None
        moves = failure.schedule.moves
        for at in range(0, len(moves), size):
            tries -= 1
            if tries <= 0:
                break
            less = Schedule(failure.schedule.policy, moves[:at] + moves[at + size :])
            found = (await play(less, executor, ledger)).failure
            if found is not None and found.kind == failure.kind:
                smaller = found
                break
        if smaller is not None:
            failure = smaller
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return failure


async def search(
    executor: Executor, ledger: Ledger, seeds: Sequence[int], *, shrink: int = 0
) -> tuple[int, Failure] | None:
    """The first seed that fails, and how; None when none does."""
    for seed in seeds:
        failure = (await play(drawn(seed), executor, ledger)).failure
        if failure is not None:
            if shrink:
                failure = await shrunk(failure, executor, ledger, tries=shrink)
            return seed, failure
    return None


# What each kind of move does


async def _play(world: World, move: Move) -> None:
    if move.kind in ("ask", "rush"):
        deed = _deed(world, move)
        if deed is None:
            return
        worker = world.start(move.b % WORKERS, deed)
        await world.stage.settle()
        if move.kind == "rush":
            await world.run(worker)
        return
    await _FATES[move.kind](world, move)


async def _cue(world: World, move: Move) -> None:
    await _with_fate(world, move, Fate.HAPPENS)


async def _with_fate(world: World, move: Move, fate: Fate) -> None:
    waiting = world.stage.waiting
    if waiting:
        await world.stage.cue([waiting[move.a % len(waiting)]], fate)


async def _run(world: World, move: Move) -> None:
    await world.run(world.workers[move.a % WORKERS])


async def _together(world: World, move: Move) -> None:
    """All that waits to be written in the ledger arrives at once: one batch, each order once."""
    calls = [call for call in world.stage.waiting if call.name == "ledger.commit"]
    first = {order_of(call.what): call for call in reversed(calls)}
    if first:
        await world.stage.cue([call for call in calls if first[order_of(call.what)] is call])


def order_of(intent: object) -> str:
    """Which order an intent is about."""
    order = getattr(intent, "order", None)
    return str(order.id if order is not None else getattr(intent, "order_id", ""))


async def _time(world: World, move: Move) -> None:
    await world.set_clock(world.now_ms + JUMPS_MS[move.a % len(JUMPS_MS)])


def _fated(fate: Fate) -> Callable[[World, Move], Awaitable[None]]:
    async def play(world: World, move: Move) -> None:
        await _with_fate(world, move, fate)

    return play


_FATES: dict[str, Callable[[World, Move], Awaitable[None]]] = {
    "cue": _cue,
    "run": _run,
    "together": _together,
    "lose": _fated(Fate.ANSWER_LOST),
    "unsent": _fated(Fate.NOT_SENT),
    "die_before": _fated(Fate.DIES_BEFORE),
    "die_behind": _fated(Fate.DIES_BEHIND),
    "time": _time,
    "wipe": lambda world, move: world.wipe(),
    "snapshot": lambda world, move: world.take_snapshot(),
    "roll_back": lambda world, move: world.roll_back(),
}


def _deed(world: World, move: Move) -> Deed | None:
    """What is asked for; None when there is no hold yet to ask it of."""
    kind = list(DEEDS)[move.a % len(DEEDS)]
    buyer, key = BUYERS[move.b % len(BUYERS)], move.b // 7 % 9
    if kind == "hold":
        best, floor = (0, 1, 2, 2, 3, 0)[move.c % 6], (0, 0, 1, 2)[move.c // 6 % 4]
        seats = [] if best else [move.c // 24 % SEATS, (move.c // 24 + move.c % 5) % SEATS]
        return world.hold(buyer, key, wanted(best, floor, seats))
    others: dict[str, Callable[[], Deed | None]] = {
        "again": lambda: world.hold_again(move.b // 3),
        "cancel": lambda: world.cancel(buyer, key),
        "sweep": world.sweep,
        "recover": world.recover,
        "block": lambda: world.block(_run_of_seats(move), blocked=True),
        "unblock": lambda: world.block(_run_of_seats(move), blocked=False),
        "operate": lambda: world.operate(OPERATIONS[move.c % len(OPERATIONS)]),
    }
    if kind in others:
        return others[kind]()
    if not world.seen:
        return None
    hold = list(world.seen.values())[-1 - (move.b // 3 % min(len(world.seen), 4))]
    return _deed_of(world, kind, hold, move)


def _deed_of(world: World, kind: str, hold: HoldRecord, move: Move) -> Deed:
    owner = (hold.buyer, hold.buyer, "", BUYERS[move.c % len(BUYERS)])[move.c % 4]
    version = (0, hold.version, hold.version, max(1, hold.version - 1))[move.c // 4 % 4]
    deeds: dict[str, Callable[[], Deed]] = {
        "extend": lambda: world.extend(hold, owner, version),
        "release": lambda: world.release(hold, owner, version),
        "pay": lambda: world.pay(hold),
        "confirm": lambda: world.confirm(hold),
        "wrong": lambda: world.confirm(hold, amount=hold.total - 1),
        "other": lambda: world.confirm(hold, other=True),
        "refund": lambda: world.refund(hold, None, ""),
        "part": lambda: world.refund(hold, _part(hold, move), ("", "r1", "r2")[move.c % 3]),
    }
    return deeds[kind]()


def _run_of_seats(move: Move) -> list[int]:
    """Up to three seats in a run, where there are so many."""
    first = move.c % SEATS
    return list(range(first, min(SEATS, first + 1 + move.b // 7 % 3)))


def _part(hold: HoldRecord, move: Move) -> tuple[RefundItem, ...] | None:
    if hold.seats and move.c % 2:
        return (RefundItem(seat=f"s{hold.seats[move.c % len(hold.seats)]}"),)
    return (RefundItem(area="floor"),) if hold.areas else None
