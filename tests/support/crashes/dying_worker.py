"""A worker that dies at a step of what it does.

`Die` gives a `Worker` to a process of its own that ends by `os._exit` (no finally, no rollback, no
goodbye) at the step that it is told: `after change_lifecycle` (a script of the store), `after
join_line 2` (the second time it has run), `refused update_line` (it declined), `before
sales.set_lifecycle` (a write of the ledger). A process may also be held before a step until a file
appears, so that it comes late.
"""

import asyncio
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from support.ledger.small_sale import TEST_LUA
from support.sales.worker import FLOOR, Worker, build_worker

from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.holds.hold_requests import BuyerRef
from holdfast_ledger import Ledger
from holdfast_lua import Bundle, Executor, load_bundle
from holdfast_lua.client.wire import Argument
from holdfast_queue.tokens.identities import Identity
from holdfast_web.credentials import PassClaims

KILLED: Final = 9
LATE: Final = "2099-01-01T00:00:00Z"
"""a start that a sale which has begun refuses"""
MOVED: Final = "2098-01-01T00:00:00Z"
"""a start to which one that is still to come is moved"""
ORIGIN: Final = "https://shop.example"
PARTS: Final = ("sales", "seat_blocks", "checkpoints", "draws")

_processes = multiprocessing.get_context("forkserver")
# Forked from a server that has imported everything and opened nothing: quick, and no less real.
# It knows no path of the tests, so what it imports is the service.
_processes.set_forkserver_preload(["holdfast.http.app", "holdfast.reconcile", "alembic.command"])


@dataclass(frozen=True)
class Fate:
    """What the process is to do with which sale, and where it ends."""

    store_url: str
    ledger_url: str
    sale: str
    deed: str
    dies: str
    given: dict[str, str] = field(default_factory=dict)
    waits: str = ""
    """the step before which it is held, until the file `given["gate"]` is there"""


class MortalExecutor(Executor):
    """The store, with death before a script, after it has done its work, or refused to."""

    def __init__(self, url: str, bundle: Bundle) -> None:
        super().__init__(url, bundle)
        self.fate: Fate | None = None
        self._steps: Counter[str] = Counter()

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        fate = self.fate
        if fate is None:
            return await super().run(name, keys, args)
        before = self._step(f"before {name}")
        die_at(fate.dies, before)
        if fate.waits == before:
            _wait_at(Path(fate.given["gate"]))
        reply = await super().run(name, keys, args)
        die_at(fate.dies, self._step(f"{'after' if reply[0] >= 0 else 'refused'} {name}"))
        return reply

    def _step(self, step: str) -> str:
        """The step, and the how-manieth of its kind it is."""
        self._steps[step] += 1
        return step if self._steps[step] == 1 else f"{step} {self._steps[step]}"


class MortalPart:
    """A part of the ledger, with death at one of its writes."""

    def __init__(self, name: str, part: object, dies: str) -> None:
        self._name, self._part, self._dies = name, part, dies

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def mortal(*args: Any, **kwargs: Any) -> Any:
            die_at(self._dies, f"before {self._name}.{method}")
            answer = await getattr(self._part, method)(*args, **kwargs)
            die_at(self._dies, f"after {self._name}.{method}")
            return answer

        return mortal


def die_at(dies: str, here: str) -> None:
    if dies == here:
        os._exit(KILLED)


def _wait_at(gate: Path) -> None:
    """The whole process stands still here, like one that the kernel has forgotten."""
    gate.with_suffix(".reached").touch()
    while not gate.exists():
        time.sleep(0.01)


def live(fate: Fate) -> None:
    """The whole life of the process."""
    uvloop.run(_live(fate))


async def _live(fate: Fate) -> None:
    bundle = load_bundle(extra=TEST_LUA / "scripts", overlay={"clock": TEST_LUA / "clock.lua"})
    async with MortalExecutor(fate.store_url, bundle) as executor:
        ledger = await Ledger.open(fate.ledger_url)
        for part in PARTS:
            setattr(ledger, part, MortalPart(part, getattr(ledger, part), fate.dies))
        worker = build_worker(executor, ledger)
        # Loading the sale is not yet the deed.
        if fate.deed not in ("load", "put"):
            await worker.directory.get(fate.sale)
        executor.fate = fate
        await _act(worker, fate)


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


async def _act(worker: Worker, fate: Fate) -> None:
    name = fate.sale
    if fate.deed in OPERATIONS:
        await _operate(worker, name, fate.deed)
    elif fate.deed in ("hold", "extend", "release", "cancel", "block", "unblock", "sweep"):
        await _trade(worker, name, fate.deed, fate.given)
    elif fate.deed in ("pause", "drain", "close", "open"):
        await worker.operations.change_lifecycle(name, fate.deed, "test")
    else:
        await _visit(worker, name, fate.deed, fate.given)


async def _operate(worker: Worker, name: str, deed: str) -> None:
    operations = worker.operations
    larger = msgspec.structs.replace(FLOOR, capacity=60)
    postponed: dict[str, object] = {"event_start_time": LATE}
    released: dict[str, object] = {"released_channels": ["fans"]}
    deeds: dict[str, Callable[[], Awaitable[object]]] = {
        "load": lambda: worker.directory.get(name),
        "put": lambda: worker.create(name),
        "replace": lambda: worker.create(name, areas=(larger,)),
        "delete": lambda: operations.delete(name, "test"),
        "patch": lambda: operations.patch(name, {"burst": 7}, "test"),
        "postpone": lambda: operations.patch(name, postponed, "test"),
        "let out": lambda: operations.patch(name, released, "test"),
        "move": lambda: operations.patch(name, {"event_start_time": MOVED}, "test"),
        "postpone and let out": lambda: operations.patch(name, postponed | released, "test"),
        "beacon": lambda: operations.give_beacon(name, "beacon", "test"),
    }
    await deeds[deed]()


async def _trade(worker: Worker, name: str, deed: str, given: dict[str, str]) -> None:
    sale, context = await worker.directory.get(name), await worker.context(name)
    inventory, hold = sale.inventory, given.get("hold", "")
    deeds: dict[str, Callable[[], Awaitable[object]]] = {
        "hold": lambda: worker.hold(name, given["key"]),
        "extend": lambda: inventory.extend(hold, owner="", version=0),
        "release": lambda: inventory.release(hold, owner="", version=0),
        "cancel": lambda: inventory.cancel(BuyerRef("ann", "key:test"), key=given["key"]),
        "block": lambda: blocking.block(context, [0, 1]),
        "unblock": lambda: blocking.unblock(context, [0, 1]),
        "sweep": lambda: worker.builder.sweep(sale),
    }
    await deeds[deed]()


async def _visit(worker: Worker, name: str, deed: str, given: dict[str, str]) -> None:
    sale = await worker.directory.get(name)
    room = sale.room
    deeds: dict[str, Callable[[], Awaitable[object]]] = {
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
    await deeds[deed]()


async def _seal(worker: Worker, name: str) -> None:
    """Until the draw of a lobby that has closed is fixed."""
    room = (await worker.directory.get(name)).room
    for _ in range(100):
        await room.tick()
        await room.lobby.settled()


def start(fate: Fate) -> Any:
    """A process that lives this life."""
    process = _processes.Process(target=live, args=(fate,))
    process.start()
    return process


async def see_die(process: Any, fate: Fate) -> None:
    """It must not live to its end."""
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == KILLED, f"{fate.deed} lived through {fate.dies!r}"


class Die:
    """Another worker of this store and ledger, which does its deed up to a step."""

    def __init__(self, store_url: str, ledger_url: str, sale: str) -> None:
        self._store_url, self._ledger_url, self._sale = store_url, ledger_url, sale

    async def __call__(self, deed: str, dies: str, **given: str) -> None:
        fate = self.fate(deed, dies, **given)
        await see_die(start(fate), fate)

    def fate(self, deed: str, dies: str, waits: str = "", **given: str) -> Fate:
        return Fate(self._store_url, self._ledger_url, self._sale, deed, dies, given, waits)
