"""The doctor before real stores: what it finds, and that what it advises helps."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from support.service.doctor_findings import AREA, judged, look, worse
from support.store.servers import CLUSTERED, PLAIN, MakeServer, servers_in

from holdfast.config import Config
from holdfast.doctor import Level, examine
from holdfast.doctor.store import judge_server
from holdfast.doctor.store_versions import READ_ON, judge_version
from holdfast_lua.client.connect import StoreInfo, inspect_store

ADVICE = re.compile(r"(CONFIG SET [\w-]+ \w+), and in its file")
GOSSIP_SECONDS = 20.0
SAFE = (*PLAIN[:2], "--appendonly", "yes", "--appendfsync", "everysec")


async def until_one(url: str, condition: Callable[[StoreInfo], bool]) -> None:
    """Waits for what real servers tell each other."""
    async with asyncio.timeout(GOSSIP_SECONDS):
        while True:
            (info,) = await inspect_store(url)
            if condition(info):
                return
            await asyncio.sleep(0.02)


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    (tmp_path / "servers").mkdir()
    with servers_in(tmp_path / "servers") as make:
        yield make


async def test_good_store_is_well(tmp_path: Path, store_url: str) -> None:
    levels = await look(tmp_path, "store", store_url=store_url)
    assert worse(levels) == {}
    assert {"version", "role", "appendonly", "appendfsync", "maxmemory-policy", "clock"} <= {
        *levels
    }


async def test_what_to_change_is_what_makes_it_well(
    tmp_path: Path, make_server: MakeServer
) -> None:
    """Whoever types what the report says, and nothing else, has a store without a complaint."""
    server = make_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", *PLAIN)
    for wrong in (("appendfsync", "no"), ("min-replicas-to-write", "1")):
        await server.ask("CONFIG", "SET", *wrong)
    config = Config(data_dir=tmp_path, store_url=server.url, secret="x" * 32)
    followed = set()
    for _ in range(3):  # appendfsync counts only once there is a file to sync
        for finding in await examine(config):
            if finding.area == "store" and (command := ADVICE.search(finding.change)):
                await server.ask(*command[1].split())
                followed.add(finding.check)
    assert worse(await look(tmp_path, "store", store_url=server.url)) == {}
    assert followed == {"appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write"}


async def test_store_that_forgets_is_a_problem(tmp_path: Path, make_server: MakeServer) -> None:
    server = make_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", *PLAIN)
    forgetful = {"appendonly": Level.PROBLEM, "maxmemory-policy": Level.PROBLEM}
    assert worse(await look(tmp_path, "store", store_url=server.url)) == forgetful
    # without a limit nothing is evicted yet, and a file that nobody syncs is half a promise
    for name, value in (("maxmemory", "0"), ("appendonly", "yes"), ("appendfsync", "no")):
        await server.ask("CONFIG", "SET", name, value)
    careless = {"appendfsync": Level.WARNING, "maxmemory-policy": Level.WARNING}
    assert worse(await look(tmp_path, "store", store_url=server.url)) == careless


async def test_replicas_want_a_master_that_waits_for_them(
    tmp_path: Path, make_server: MakeServer
) -> None:
    master, replica = make_server(*SAFE), make_server(*SAFE)
    await replica.ask("REPLICAOF", "127.0.0.1", master.port)
    await until_one(master.url, lambda info: info.replicas == 1)
    check = "min-replicas-to-write"
    for wanted, level in ((0, Level.WARNING), (1, Level.OK), (2, Level.PROBLEM)):
        await master.ask("CONFIG", "SET", check, wanted)
        assert (await look(tmp_path, "store", store_url=master.url))[check] is level
    levels = await look(tmp_path, "store", store_url=replica.url)
    assert levels["role"] is Level.PROBLEM


async def test_cluster_with_unserved_slots_is_a_problem(
    tmp_path: Path, make_server: MakeServer
) -> None:
    server = make_server(*CLUSTERED)
    url = f"redis+cluster://{server.address}"
    assert await look(tmp_path, "store", store_url=url) == {"slots": Level.PROBLEM}
    await server.ask("CLUSTER", "ADDSLOTSRANGE", 0, 9999)
    levels = await look(tmp_path, "store", store_url=url)
    assert (levels["slots"], levels["role"]) == (Level.PROBLEM, Level.PROBLEM)
    await server.ask("CLUSTER", "ADDSLOTSRANGE", 10_000, 16_383)
    await until_one(url, lambda info: info.cluster_healthy)
    levels = await look(tmp_path, "store", store_url=url)
    assert (levels["slots"], levels["role"]) == (Level.OK, Level.OK)
    # the same server, taken for one that stands alone
    assert (await look(tmp_path, "store", store_url=server.url))["role"] is Level.PROBLEM


async def test_sentinels_without_quorum_are_a_problem(
    tmp_path: Path, make_server: MakeServer
) -> None:
    master, sentinel = make_server(*SAFE), make_server("sentinel.conf", "--sentinel")
    watch = ("SENTINEL", "MONITOR", "mymaster", "127.0.0.1", master.port)
    await sentinel.ask(*watch, 1)
    url = f"redis+sentinel://127.0.0.1:1,{sentinel.address}/mymaster"
    found = await examine(Config(data_dir=tmp_path, store_url=url))
    around = [(one.check, one.level) for one in found if one.subject.startswith("sentinel ")]
    assert around == [("reachable", Level.WARNING), ("quorum", Level.OK)]
    await sentinel.ask("SENTINEL", "SET", "mymaster", "quorum", 2)
    found = await examine(Config(data_dir=tmp_path, store_url=url))
    assert [one.level for one in found if one.check == "quorum"] == [Level.PROBLEM]


async def test_hidden_settings_are_not_taken_for_good_ones(
    tmp_path: Path, make_server: MakeServer
) -> None:
    server = make_server(*SAFE)
    limited = ("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-config")
    await server.ask(*limited)
    levels = await look(tmp_path, "store", store_url=f"redis://limited:pw@{server.address}")
    unknown = {"appendfsync": Level.WARNING, "min-replicas-to-write": Level.WARNING}
    assert worse(levels) == unknown


async def test_store_that_takes_no_writes_is_a_problem(
    tmp_path: Path, make_server: MakeServer
) -> None:
    server = make_server(*SAFE)
    await server.ask("CONFIG", "SET", "maxmemory", 1)
    levels = await look(tmp_path, "store", store_url=server.url)
    assert worse(levels) == {"writes": Level.PROBLEM}


@pytest.mark.parametrize(
    ("ahead_ms", "level"),
    [(0, Level.OK), (900, Level.OK), (-5_000, Level.WARNING), (30_000, Level.PROBLEM)],
)
async def test_clocks_that_differ(store_url: str, ahead_ms: int, level: Level) -> None:
    (info,) = await inspect_store(store_url)
    assert abs(info.clock_ahead_ms) <= info.clock_doubt_ms + 1  # one clock, seen twice
    off = replace(info, clock_ahead_ms=ahead_ms, clock_doubt_ms=2)
    assert judged(list(judge_server(off)), "store")["clock"] is level


async def test_failing_append_only_file_is_a_problem(store_url: str) -> None:
    (info,) = await inspect_store(store_url)
    assert not info.aof_failing
    levels = judged(list(judge_server(replace(info, aof_failing=True))), "store")
    assert levels["appendonly"] is Level.PROBLEM


@pytest.mark.parametrize(
    ("server", "version", "level"),
    [
        ("redis", (6, 2, 20), Level.PROBLEM),
        ("redis", (7, 0, 15), Level.WARNING),
        ("redis", (7, 2, 10), Level.WARNING),
        ("redis", (7, 2, 11), Level.OK),
        ("redis", (9, 0, 0), Level.OK),
        ("valkey", (7, 1, 9), Level.PROBLEM),
        ("valkey", (8, 0, 6), Level.WARNING),
        ("valkey", (9, 1, 2), Level.OK),
        ("valkey", (9, 1), Level.WARNING),
    ],
)
def test_builds_with_known_holes(server: str, version: tuple[int, ...], level: Level) -> None:
    assert judge_version(AREA, server, version).level is level


def test_what_is_said_of_a_version_names_the_day_of_the_table() -> None:
    for version, words in (
        ((8, 6, 2), "install 8.6.3 or newer"),
        ((8, 6, 3), "has the security fixes known"),
        ((9, 0, 0), "a series of which nothing was known"),
        ((8, 1, 9), "a series of which nothing was known"),
    ):
        finding = judge_version(AREA, "redis", version)
        assert words in finding.means + finding.change
        assert READ_ON in finding.means + finding.change
    assert date.fromisoformat(READ_ON) <= datetime.now(UTC).date()
