"""How much does the micro-batching executor gain over other clients of the store?

    python loadtest/bench/executor.py [--seconds 0.3] [--rounds 3] [--callers 1 50 500]
                                      [--connections 1 2] [--arguments 1] [--only coredis glide]

All sides run the same two-command script on the same embedded store, over its Unix socket, from the
same number of callers. The processor time is that of this process, of all its threads.

- executor: ours, the yardstick;
- redis-py pool, and a pump (kit/clients/pump.py) over its pipeline;
- coredis by itself, a pump over its pipeline, and over the batches below that;
- glide: valkey-glide by itself, and a pump over its batch.

The number in a side's name is that of its connections. coredis and valkey-glide are in the extra
`bench`; what is not installed is left out.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any, Final

from bench.kit.clients.callers import OneCall, Ways, calling
from bench.kit.clients.two_commands import COUNTER, NAME, PAYLOAD, ScriptCall
from bench.kit.clocks import this_process
from bench.kit.command import Bench, Recorder
from bench.kit.store import embedded_store
from bench.kit.turns import Comparison, Side
from holdfast_lua import Executor

OURS: Final = "executor"
CLIENTS: Final = {"redis": "redis_py", "coredis": "coredis", "glide": "glide"}
"""by package, our module"""
EXTRA: Final = ".venv/bin/python -m pip install --constraint constraints.txt --editable '.[bench]'"


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """A comparison for each number of callers, on an embedded store."""
    async with AsyncExitStack() as stack:
        path, executor = await stack.enter_async_context(embedded_store())
        script = executor.bundle.script(NAME)
        call = ScriptCall(script.sha, (PAYLOAD,) * options.arguments)
        await executor.command("SCRIPT", "LOAD", script.source)
        ways: Ways = {OURS: lambda: executor.run(NAME, call.keys, call.args)}
        for enter in installed_clients():
            ways |= await stack.enter_async_context(enter(path, call, options.connections))
        for name, one_call in ways.items():
            await check(name, one_call, executor)
        only = (OURS, *options.only)
        chosen = {name: way for name, way in ways.items() if name.startswith(only)}
        gc.collect()
        gc.freeze()  # as the service does
        for callers in options.callers:
            sides = [
                Side(name, calling(way, callers, options.seconds, {"service": this_process}))
                for name, way in chosen.items()
            ]
            await recorder.compare(Comparison(f"{callers} callers", OURS, sides, unit="calls"))


def installed_clients() -> Iterator[Any]:
    """What enters each client's ways; a word on those that are not installed."""
    for package, name in CLIENTS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{package} is not installed and left out; to have it: {EXTRA}", flush=True)
        else:
            yield getattr(importlib.import_module(f"bench.kit.clients.{name}_ways"), f"{name}_ways")


async def check(name: str, one_call: OneCall, executor: Executor) -> None:
    """That a way runs the script, once, and gives its answer."""
    before = int(await executor.command("GET", COUNTER) or 0)
    answer = await one_call()
    after = int(await executor.command("GET", COUNTER))
    if answer != [0, after] or after != before + 1:
        raise SystemExit(f"{name}: {answer!r}, and the counter went from {before} to {after}")


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--seconds", type=float, default=0.3, help="of each turn")
    add("--callers", type=int, nargs="+", default=[1, 50, 500])
    add("--connections", type=int, nargs="+", default=[1, 2])
    add("--arguments", type=int, default=1, help="of the call, 40 bytes each")
    add("--only", nargs="+", default=[""], help="sides by the beginning of the name")


BENCH: Final = Bench(
    "executor",
    __doc__,
    measure,
    3,
    add_options,
    quick={"seconds": 0.1, "callers": [50], "connections": [1]},
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
