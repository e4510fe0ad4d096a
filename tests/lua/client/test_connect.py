import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError
from support.store.servers import CLUSTERED, MakeServer

from holdfast_lua import EmbeddedStore, StoreSetupError, StoreUnavailable
from holdfast_lua.client.connect import check_store, inspect_store, open_client

REDIS = shutil.which("redis-server")


async def test_embedded_store_is_fit(store_url: str) -> None:
    (info,) = await check_store(store_url)
    assert info.server == "valkey"
    assert info.version >= (7, 2)
    assert (info.role, info.cluster, info.aof) == ("master", False, True)
    assert info.config["appendfsync"] == "everysec"
    assert info.clock_ms > 1_700_000_000_000


@pytest.mark.skipif(REDIS is None, reason="no redis-server on PATH")
async def test_redis_is_as_good_as_valkey(tmp_path: Path) -> None:
    assert REDIS is not None
    with EmbeddedStore(tmp_path, binary=REDIS) as store:
        (info,) = await check_store(store.url)
        assert info.server == "redis"
        assert info.version >= (7, 0)


async def test_store_that_may_evict_is_refused(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        client = await open_client(store.url)
        await client.config_set("maxmemory-policy", "allkeys-lru")
        # Without a limit nothing is ever evicted
        await check_store(store.url)
        await client.config_set("maxmemory", "100mb")
        with pytest.raises(StoreSetupError, match=r"allkeys-lru.*set it to noeviction"):
            await check_store(store.url)
        await client.config_set("maxmemory-policy", "noeviction")
        await check_store(store.url)
        await client.aclose()


@pytest.mark.parametrize(
    ("server", "version", "fit"),
    [
        ("redis", (6, 2, 14), False),
        ("redis", (7, 0, 0), True),
        ("valkey", (7, 1, 9), False),
        ("valkey", (7, 2, 0), True),
        ("valkey", (10, 0), True),
    ],
)
async def test_least_versions(
    store_url: str, server: str, version: tuple[int, ...], fit: bool
) -> None:
    (info,) = await inspect_store(store_url)
    reason = replace(info, server=server, version=version).unfit()
    assert (reason is None) is fit
    assert fit or "too old" in str(reason)


async def test_hosted_store_without_config_is_inspected_all_the_same(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        client = await open_client(store.url)
        await client.execute_command(
            "ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-config"
        )
        await client.aclose()
        (info,) = await check_store(store.url)
        assert info.config
        limited = f"unix://limited:pw@{store.url.removeprefix('unix://')}"
        (info,) = await check_store(limited)
        assert info.config == {}


async def test_replica_is_refused(make_server: MakeServer) -> None:
    master, replica = make_server(), make_server()
    await replica.ask("REPLICAOF", "127.0.0.1", master.port)
    with pytest.raises(StoreSetupError, match="it is a replica"):
        await check_store(replica.url)


async def test_member_of_a_cluster_wants_a_cluster_url(make_server: MakeServer) -> None:
    server = make_server(*CLUSTERED)
    with pytest.raises(StoreSetupError, match=r"use redis\+cluster://"):
        await check_store(server.url)


async def test_silent_store_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match=r"127.0.0.1:1"):
        await check_store("redis://127.0.0.1:1")


async def test_client_never_repeats_a_command(store_url: str) -> None:
    """redis-py's default would run this script eleven times."""
    client = await open_client(store_url, reply_timeout_seconds=0.2)
    patient = await open_client(store_url)
    await patient.delete("hf:test:spun")
    script = """
        redis.call('INCR', 'hf:test:spun')
        local due = os.clock() + 0.5
        while os.clock() < due do end
        return 1
    """
    with pytest.raises(RedisTimeoutError):
        await client.eval(script, 0)
    assert await patient.get("hf:test:spun") == b"1"
    await client.aclose()
    await patient.aclose()
