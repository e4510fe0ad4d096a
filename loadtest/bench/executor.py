"""How much the micro-batching executor gains over other clients of the store, in one run.

    python loadtest/bench/executor.py [--seconds 1] [--rounds 5] [--callers 1 50 500]
                                      [--connections 1 2] [--arguments 1] [--only coredis glide]

All ways run the same two-command script on the same embedded store, over its Unix socket, from the
same number of callers, in turns, so that a busy machine slows all. What counts are the ratios, not
the figures: calls per second and the processor time of this process per call, of all its threads.

- executor: ours;
- redis-py pool, and a pump (kit/pump.py) over its pipeline;
- coredis by itself, a pump over its pipeline, and over the batches below that;
- glide: valkey-glide by itself, and a pump over its batch.

The number in a way's name is that of its connections. coredis and valkey-glide are in the extra
`bench`; what is not installed is left out.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop

from bench.kit.callers import OneCall, Ways, report, take_turns
from bench.kit.two_commands import COUNTER, NAME, PAYLOAD, ScriptCall, bundle_with_it
from holdfast_lua import EmbeddedStore, Executor

OURS = "executor"
CLIENTS = {"redis": "redis_py", "coredis": "coredis", "glide": "glide"}  # package, our module
EXTRA = ".venv/bin/python -m pip install --constraint constraints.txt --editable '.[bench]'"


async def compare(url: str, directory: Path, options: argparse.Namespace) -> None:
    """Takes turns and prints what every way did."""
    bundle = bundle_with_it(directory)
    script = bundle.script(NAME)
    call = ScriptCall(script.sha, (PAYLOAD,) * options.arguments)
    async with AsyncExitStack() as stack:
        executor = await stack.enter_async_context(Executor(url, bundle))
        await executor.command("SCRIPT", "LOAD", script.source)
        ways: Ways = {OURS: lambda: executor.run(NAME, call.keys, call.args)}
        for enter in installed_clients():
            path = url.removeprefix("unix://")
            ways |= await stack.enter_async_context(enter(path, call, options.connections))
        for name, one_call in ways.items():
            await check(name, one_call, executor)
        only = (OURS, *options.only)
        chosen = {name: way for name, way in ways.items() if name.startswith(only)}
        gc.collect()
        gc.freeze()  # as the service does
        for callers in options.callers:
            report(
                callers, await take_turns(chosen, callers, options.rounds, options.seconds), OURS
            )


def installed_clients() -> Iterator[Any]:
    """What enters each client's ways; a word on those that are not installed."""
    for package, name in CLIENTS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{package} is not installed and left out; to have it: {EXTRA}", flush=True)
        else:
            yield getattr(importlib.import_module(f"bench.kit.{name}_ways"), f"{name}_ways")


async def check(name: str, one_call: OneCall, executor: Executor) -> None:
    """That a way runs the script, once, and gives its answer."""
    before = int(await executor.command("GET", COUNTER) or 0)
    answer = await one_call()
    after = int(await executor.command("GET", COUNTER))
    if answer != [0, after] or after != before + 1:
        raise SystemExit(f"{name}: {answer!r}, and the counter went from {before} to {after}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 50, 500])
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--arguments", type=int, default=1, help="of the call, 40 bytes each")
    parser.add_argument("--only", nargs="+", default=[""], help="ways by the beginning of the name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with EmbeddedStore(directory / "data") as store:
            uvloop.run(compare(store.url, directory, options))


if __name__ == "__main__":
    main()
