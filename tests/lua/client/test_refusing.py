import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from support.store.servers import Server, documented_rights

from holdfast_lua import Bundle, EmbeddedStore, Executor, StoreOutcomeUnknown, StoreUnavailable
from holdfast_lua.calls.store import probe_store
from holdfast_lua.client.connect import check_store, find_refusal
from holdfast_lua.errors import StoreRefusing

REDIS = shutil.which("redis-server")


@pytest.fixture(
    params=[None, pytest.param(REDIS, marks=pytest.mark.skipif(not REDIS, reason="no Redis"))],
    ids=["valkey", "redis"],
)
def own_store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EmbeddedStore]:
    """A store that this test may set up; of both kinds, whose words differ."""
    with EmbeddedStore(tmp_path, binary=request.param) as store:
        yield store


@pytest.fixture
def operator(own_store: EmbeddedStore) -> Iterator[Redis]:
    client = Redis(unix_socket_path=own_store.url.removeprefix("unix://"))
    yield client
    client.config_set("save", "")  # a store that cannot save does not stop
    client.close()


def set_rights(operator: Redis, store: EmbeddedStore, *rights: str) -> str:
    """Gives a user these rights and no others; returns the URL with that user."""
    operator.execute_command("ACL", "SETUSER", "app", "reset", "on", ">pw", *rights)  # type: ignore[no-untyped-call]
    return f"unix://app:pw@{store.url.removeprefix('unix://')}"


async def test_healthy_store_refuses_nothing(own_store: EmbeddedStore) -> None:
    assert await find_refusal(own_store.url) is None


async def test_documented_rights_are_enough(own_store: EmbeddedStore, operator: Redis) -> None:
    url = set_rights(operator, own_store, *documented_rights())
    assert await find_refusal(url) is None
    (info,) = await check_store(url)
    assert info.config


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (("-zadd",), r"may not run ZADD on keys hf:\*"),
        (("-scan", "-hset"), "may not run HSET, SCAN on"),
        (("-evalsha",), "evalsha"),
        (("-script|load",), "script|load"),
        (("resetkeys", "~other:*"), "may not run BITCOUNT, BITOP"),
        (("resetkeys", "%R~hf:*"), "may not run BITOP"),
    ],
    ids=["command", "commands", "scripts", "loading", "keys", "writing keys"],
)
async def test_each_missing_right_is_named(
    own_store: EmbeddedStore, operator: Redis, missing: tuple[str, ...], named: str
) -> None:
    refusal = await find_refusal(set_rights(operator, own_store, *documented_rights(), *missing))
    assert refusal is not None
    assert refusal.reason == "not_permitted"
    assert re.search(named, str(refusal))


async def test_command_forbidden_inside_a_script_is_unknown(
    own_store: EmbeddedStore, operator: Redis, test_bundle: Bundle
) -> None:
    """What the script had done before it is done: not a refusal, and no bug of ours."""
    url = set_rights(operator, own_store, "~*", "+@all", "-incr")
    async with Executor(url, test_bundle) as executor:
        with pytest.raises(StoreOutcomeUnknown, match="bump_counter"):
            await executor.run("bump_counter", ("hf:{x}:counter",))


def fill_memory(operator: Redis, home: Path) -> None:
    operator.config_set("maxmemory", 1)


def lose_replicas(operator: Redis, home: Path) -> None:
    operator.config_set("min-replicas-to-write", 1)


def demote(operator: Redis, home: Path) -> None:
    operator.replicaof("127.0.0.1", "1")


def fail_to_save(operator: Redis, home: Path) -> None:
    """A directory stands where the snapshot is to go."""
    (home / "dump.rdb").mkdir()
    operator.config_set("save", "3600 1")
    operator.bgsave()
    while operator.info("persistence")["rdb_bgsave_in_progress"]:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (fill_memory, "out_of_memory"),
        (lose_replicas, "too_few_replicas"),
        (demote, "read_only"),
        (fail_to_save, "cannot_save"),
    ],
)
async def test_store_that_takes_no_writes_says_why(
    own_store: EmbeddedStore,
    operator: Redis,
    tmp_path: Path,
    break_it: Callable[[Redis, Path], None],
    reason: str,
) -> None:
    """The probe sees it though a plain question is answered; a script is refused before it runs."""
    break_it(operator, tmp_path / "store")
    async with Executor(own_store.url) as executor:
        assert await executor.command("TIME")
        with pytest.raises(StoreRefusing) as refusal:
            await probe_store(executor)
    assert refusal.value.reason == reason


async def test_every_master_of_a_cluster_is_asked(fragile_cluster: list[Server]) -> None:
    url = "redis+cluster://" + ",".join(str(server.address) for server in fragile_cluster)
    async with Executor(url) as executor:
        await probe_store(executor)
        for server in fragile_cluster:
            await server.ask("CONFIG", "SET", "maxmemory", 1)
            with pytest.raises(StoreRefusing, match="OOM"):
                await probe_store(executor)
            await server.ask("CONFIG", "SET", "maxmemory", 0)
        await probe_store(executor)


async def test_cluster_with_slots_that_nobody_serves_is_unavailable(
    fragile_cluster: list[Server],
) -> None:
    url = f"redis+cluster://{fragile_cluster[0].address}"
    await fragile_cluster[0].ask("CLUSTER", "DELSLOTS", 7)
    async with Executor(url) as executor:
        with pytest.raises(StoreUnavailable, match="1 slots of the Cluster have no server"):
            await probe_store(executor)
