"""A worker that crashes at a chosen step of what it does.

`CrashingWorker` gives a `Worker` to a process of its own that ends at its crash point (see
crash_points.py): a script of the store, or a write of the ledger (`before sales.set_lifecycle`). A
process may also be held before a step until a file appears, so that it comes late.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from support.crashes.crash_points import KILLED, CrashingExecutor, crash_at
from support.crashes.forkserver import FORKSERVER
from support.ledger.small_sale import TEST_LUA
from support.sales.worker import FLOOR, Worker, build_worker

from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.holds.hold_requests import BuyerRef
from holdfast_ledger import Actor, Ledger
from holdfast_lua import load_bundle
from holdfast_queue.tokens.identities import Identity
from holdfast_web.credentials import PassClaims

LATE: Final = "2099-01-01T00:00:00Z"
"""a start that a sale which has begun refuses"""
MOVED: Final = "2098-01-01T00:00:00Z"
"""a start to which one that is still to come is moved"""
ORIGIN: Final = "https://shop.example"
PARTS: Final = ("sales", "seat_blocks", "checkpoints", "draws")


@dataclass(frozen=True)
class CrashRun:
    """What the process is to do with which sale, and where it crashes."""

    store_url: str
    ledger_url: str
    sale: str
    action: str
    crash_point: str
    given: dict[str, str] = field(default_factory=dict)
    waits: str = ""
    """the step before which it is held, until the file `given["gate"]` is there"""


class CrashingPart:
    """A part of the ledger, with a crash at one of its writes."""

    def __init__(self, name: str, part: object, crash_point: str) -> None:
        self._name, self._part, self._crash_point = name, part, crash_point

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def crashing(*args: Any, **kwargs: Any) -> Any:
            crash_at(self._crash_point, f"before {self._name}.{method}")
            answer = await getattr(self._part, method)(*args, **kwargs)
            crash_at(self._crash_point, f"after {self._name}.{method}")
            return answer

        return crashing


def act(run: CrashRun) -> None:
    """What the process does, until it crashes."""
    uvloop.run(_run(run))


async def _run(run: CrashRun) -> None:
    bundle = load_bundle(extra=TEST_LUA / "scripts", overlay={"clock": TEST_LUA / "clock.lua"})
    async with CrashingExecutor(run.store_url, bundle) as executor:
        ledger = await Ledger.open(run.ledger_url)
        for part in PARTS:
            setattr(ledger, part, CrashingPart(part, getattr(ledger, part), run.crash_point))
        worker = build_worker(executor, ledger)
        # Loading the sale is not yet the action.
        if run.action not in ("load", "put"):
            await worker.directory.get(run.sale)
        executor.waits, executor.gate = run.waits, Path(run.given.get("gate", ""))
        executor.crash_point = run.crash_point
        await _act(worker, run)


OPERATIONS = frozenset(
    {
        "load",
        "put",
        "replace",
        "delete",
        "patch",
        "postpone",
        "move",
        "let out",
        "postpone and let out",
        "beacon",
    }
)


async def _act(worker: Worker, run: CrashRun) -> None:
    name = run.sale
    if run.action in OPERATIONS:
        await _operate(worker, name, run.action)
    elif run.action in ("hold", "extend", "release", "cancel", "block", "unblock", "sweep"):
        await _trade(worker, name, run.action, run.given)
    elif run.action in ("pause", "drain", "close", "open"):
        await worker.operations.change_lifecycle(name, run.action, Actor("test"))
    else:
        await _visit(worker, name, run.action, run.given)


async def _operate(worker: Worker, name: str, action: str) -> None:
    operations = worker.operations
    larger = msgspec.structs.replace(FLOOR, capacity=60)
    postponed: dict[str, object] = {"event_start_time": LATE}
    released: dict[str, object] = {"released_channels": ["fans"]}
    actions: dict[str, Callable[[], Awaitable[object]]] = {
        "load": lambda: worker.directory.get(name),
        "put": lambda: worker.create(name),
        "replace": lambda: worker.create(name, areas=(larger,)),
        "delete": lambda: operations.delete(name, Actor("test")),
        "patch": lambda: operations.patch(name, {"burst": 7}, Actor("test")),
        "postpone": lambda: operations.patch(name, postponed, Actor("test")),
        "let out": lambda: operations.patch(name, released, Actor("test")),
        "move": lambda: operations.patch(name, {"event_start_time": MOVED}, Actor("test")),
        "postpone and let out": lambda: operations.patch(name, postponed | released, Actor("test")),
        "beacon": lambda: operations.give_beacon(name, "beacon", Actor("test")),
    }
    await actions[action]()


async def _trade(worker: Worker, name: str, action: str, given: dict[str, str]) -> None:
    sale, context = await worker.directory.get(name), await worker.context(name)
    inventory, hold = sale.inventory, given.get("hold", "")
    actions: dict[str, Callable[[], Awaitable[object]]] = {
        "hold": lambda: worker.hold(name, given["key"]),
        "extend": lambda: inventory.extend(hold, owner="", version=0),
        "release": lambda: inventory.release(hold, owner="", version=0),
        "cancel": lambda: inventory.cancel(BuyerRef("ann", "key:test"), key=given["key"]),
        "block": lambda: blocking.block(context, [0, 1]),
        "unblock": lambda: blocking.unblock(context, [0, 1]),
        "sweep": lambda: worker.builder.sweep(sale),
    }
    await actions[action]()


async def _visit(worker: Worker, name: str, action: str, given: dict[str, str]) -> None:
    sale = await worker.directory.get(name)
    room = sale.room
    actions: dict[str, Callable[[], Awaitable[object]]] = {
        "join": lambda: worker.join(name),
        "enrol": lambda: room.join(identity=Identity("ann")),
        "claim": lambda: worker.claim(name, given["ticket"]),
        "renew": lambda: room.renew(msgspec.json.decode(given["claims"], type=PassClaims)),
        "end": lambda: room.end(given["pass_id"]),
        "exchange": lambda: room.exchange(given["token"], ORIGIN),
        "tick": room.tick,
        "seal": lambda: _seal(worker, name),
        "checkpoint": lambda: worker.builder.checkpoint(sale),
    }
    await actions[action]()


async def _seal(worker: Worker, name: str) -> None:
    """Until the draw of a lobby that has closed is fixed."""
    room = (await worker.directory.get(name)).room
    for _ in range(100):
        await room.tick()
        await room.lobby.settled()


def start(run: CrashRun) -> Any:
    """Starts the process of a run."""
    process = FORKSERVER.Process(target=act, args=(run,))
    process.start()
    return process


async def expect_crash(process: Any, run: CrashRun) -> None:
    """Fails when the process ends otherwise than by its crash."""
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == KILLED, f"{run.action} passed {run.crash_point!r}"


class CrashingWorker:
    """Another worker of this store and ledger, which does an action up to a crash point."""

    def __init__(self, store_url: str, ledger_url: str, sale: str) -> None:
        self._store_url, self._ledger_url, self._sale = store_url, ledger_url, sale

    async def __call__(self, action: str, crash_point: str, **given: str) -> None:
        run = self.prepare(action, crash_point, **given)
        await expect_crash(start(run), run)

    def prepare(self, action: str, crash_point: str, waits: str = "", **given: str) -> CrashRun:
        return CrashRun(
            self._store_url, self._ledger_url, self._sale, action, crash_point, given, waits
        )
