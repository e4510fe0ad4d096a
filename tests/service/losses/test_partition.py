"""A master that is cut off in one direction, under two nodes: nothing is given or sold twice.

Three hosts with a store and a Sentinel each, two with a node each, in network namespaces. The nodes
share a ledger, which is not cut off.
"""

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.api_client import ALL_PRICES, NIGHT, Api, seating_plan
from support.network.hosts import Host, hosts
from support.sales.worker import until
from support.service.running import READY, wait_until

from holdfast_lua.client.link import Address, LinkSettings
from holdfast_lua.client.probe import asking
from holdfast_lua.client.sentinels import find_agreed_master
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.embedded.files import find_binary
from holdfast_lua.errors import StoreUnavailable

SALE = "night"
STORE = ("--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0")
SAFE = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "2")
OPEN = ("--bind", "0.0.0.0", "--protected-mode", "no")  # noqa: S104 - of a namespace
SENTINEL = """port 26379
bind 0.0.0.0
protected-mode no
sentinel monitor shop {master} 6379 2
sentinel down-after-milliseconds shop 4000
sentinel failover-timeout shop 6000
"""
START_SECONDS = 30.0
FAILOVER_SECONDS = 30.0
GAP_SECONDS = 10.0
SPLIT_SECONDS = 4.0
"""in which there are two masters"""
AFTERWARDS_SECONDS = 3.0


@contextmanager
def running(host: Host, home: Path, *command: str, **environ: str) -> Iterator[Path]:
    """A program on the host, gone afterwards; gives its output."""
    home.mkdir(exist_ok=True)
    output = home / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [*host.prefix, *command],
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environ},
        )
    try:
        yield output
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@dataclass
class Crowd:
    """Visitors at two nodes, who join, hold at the one and confirm at the other."""

    nodes: list[Api]
    numbers: list[int] = field(default_factory=list)
    joined_at: dict[int, list[float]] = field(default_factory=lambda: {0: [], 1: []})
    sold: list[str] = field(default_factory=list)
    answers: Counter[object] = field(default_factory=Counter)
    stopped: bool = False

    async def run(self) -> None:
        await asyncio.gather(*(work(node) for node in (0, 1) for work in (self.join, self.buy)))

    async def join(self, node: int) -> None:
        while not self.stopped:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                answer = await self.nodes[node].as_(None).post(f"/v1/sales/{SALE}/tickets")
                self.answers[answer.code or answer.status] += 1
                if answer.status == 201:
                    self.numbers.append(answer.body["number"])
                    self.joined_at[node].append(time.monotonic())
            await asyncio.sleep(0.03)

    async def has_bought(self) -> bool:
        """Whether somebody stands in line, and a seat is sold."""
        return bool(self.numbers and self.sold)

    async def both_join_since(self, moment: float) -> bool:
        """Whether each node has taken somebody into the line after this moment."""
        return all(times[-1:] > [moment] for times in self.joined_at.values())

    async def buy(self, node: int) -> None:
        while not self.stopped:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                body = {"best_available": {"quantity": 1}, "buyer": secrets.token_hex(4)}
                held = await self.nodes[node].hold(SALE, body)
                self.answers[held.code or held.status] += 1
                if held.status == 201:
                    await self.confirm(1 - node, held.body)
            await asyncio.sleep(0.1)

    async def confirm(self, node: int, hold: dict[str, Any]) -> None:
        """Until the answer is final."""
        while not self.stopped:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                done = await self.nodes[node].confirm(SALE, hold)
                self.answers[f"confirm {done.code or done.status}"] += 1
                if done.status == 200:
                    self.sold += [item["seat"] for item in done.body["order"]["items"]]
                if done.status < 500:
                    return
            await asyncio.sleep(0.2)


@dataclass
class Deployment:
    """Where everything runs."""

    stores: list[Host]
    nodes: list[Host]
    url: StoreUrl
    crowd: Crowd

    async def master(self) -> str:
        """Whom most Sentinels name."""
        async with asyncio.timeout(FAILOVER_SECONDS):
            while True:
                with contextlib.suppress(StoreUnavailable):
                    return (await find_agreed_master(self.url)).host
                await asyncio.sleep(0.1)

    def has_left(self, former: Host) -> Callable[[], Awaitable[bool]]:
        async def left() -> bool:
            return await self.master() != former.address

        return left


async def _has_replicas(master: Host) -> bool:
    """Whether both replicas are in step."""
    try:
        async with asking(Address(master.address, 6379), LinkSettings()) as client:
            info = await client.info("replication")
    except OSError:
        return False
    return [info.get(f"slave{n}", {}).get("state") for n in range(2)] == ["online"] * 2


async def _knows_all(sentinel: Host) -> bool:
    """Whether the Sentinel on this host knows both replicas and the two other Sentinels."""
    try:
        async with asking(Address(sentinel.address, 26379), LinkSettings()) as client:
            known: Any = await client.sentinel_master("shop")
    except OSError:
        return False
    return bool((known["num-slaves"], known["num-other-sentinels"]) == (2, 2))


def _is_ready(output: Path) -> bool:
    return READY in output.read_text()


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    with ExitStack() as stack:
        *stores, a, b = stack.enter_context(hosts(5))
        server = str(find_binary())
        for number, host in enumerate(stores):
            home = tmp_path / f"store-{number}"
            replica = ("--replicaof", stores[0].address, "6379") if number else ()
            stack.enter_context(running(host, home, server, *STORE, *SAFE, *OPEN, *replica))
        # A Sentinel reads of the replicas every ten seconds, and fails over to those it knows.
        await until(partial(_has_replicas, stores[0]), START_SECONDS)
        for number, host in enumerate(stores):
            conf = tmp_path / f"sentinel-{number}.conf"
            conf.write_text(SENTINEL.format(master=stores[0].address))
            watch = tmp_path / f"watch-{number}"
            stack.enter_context(running(host, watch, server, str(conf), "--sentinel"))
        sentinels = ",".join(host.address for host in stores)
        url = f"redis+sentinel://{sentinels}/shop"
        for host in stores:
            await until(partial(_knows_all, host), START_SECONDS)
        environ = {
            "HOLDFAST_STORE_URL": url,
            "HOLDFAST_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.sqlite3'}",
            "HOLDFAST_SECRET": secrets.token_hex(32),
            "HOLDFAST_OPERATOR_KEY": (key := secrets.token_hex(32)),
        }
        outputs = []
        for host in (a, b):
            serve = (sys.executable, "-m", "holdfast", "serve", "--port", "8080")
            public = {"HOLDFAST_PUBLIC_URL": f"http://{host.address}:8080"}
            home = tmp_path / host.name
            command = (*serve, "--host", host.address, "--data-dir", str(home / "data"))
            outputs.append(stack.enter_context(running(host, home, *command, **environ, **public)))
            await asyncio.to_thread(wait_until, partial(_is_ready, outputs[-1]), 30.0)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(8)) as http:
            apis = [Api(http, f"http://{host.address}:8080", key) for host in (a, b)]
            yield Deployment(stores, [a, b], StoreUrl.parse(url), Crowd(apis))


async def test_master_that_is_cut_off_in_one_direction_gives_nothing_twice(
    deployment: Deployment,
) -> None:
    """Its host hears everybody; the other stores and one of the nodes hear nothing from it."""
    crowd, (former, *others) = deployment.crowd, deployment.stores
    plan = {**NIGHT, "plan": seating_plan(), "prices": ALL_PRICES, "queue_all": True}
    created = await crowd.nodes[0].put(f"/v1/sales/{SALE}", plan)
    assert created.status == 201, created.body
    rush = asyncio.create_task(crowd.run())
    await until(crowd.has_bought, START_SECONDS)
    before = len(crowd.numbers)
    assert await deployment.master() == former.address
    deaf = [host.address for host in (*others, deployment.nodes[1])]
    former.mute_towards(*deaf)
    await until(deployment.has_left(former), FAILOVER_SECONDS)
    promoted = time.monotonic()
    await asyncio.sleep(SPLIT_SECONDS)
    await until(partial(crowd.both_join_since, promoted), GAP_SECONDS - SPLIT_SECONDS)
    former.unmute_towards(*deaf)
    await asyncio.sleep(AFTERWARDS_SECONDS)
    crowd.stopped = True
    await rush
    assert len(crowd.numbers) > before
    assert len(set(crowd.numbers)) == len(crowd.numbers), crowd.answers
    assert len(set(crowd.sold)) == len(crowd.sold)
    assert crowd.answers["confirm unknown_hold"] == 0, crowd.answers
