import asyncio
import itertools
from dataclasses import dataclass, replace

import pytest
from conftest import fresh_uid
from support.store.peers import listening
from support.store.servers import MakeServer, Server

from holdfast_lua import (
    Bundle,
    Executor,
    StoreBehind,
    StoreError,
    StoreOutcomeUnknown,
    StoreUnavailable,
    guarded,
)
from holdfast_lua.calls import keys
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.client import sentinels
from holdfast_lua.client.connect import check_store, open_client
from holdfast_lua.client.link import Address
from holdfast_lua.client.sentinels import Word, find_master, most_believed
from holdfast_lua.client.store_url import StoreUrl

FAILOVER_SECONDS = 30.0
HOUR_MS = 3_600_000


@dataclass
class Watched:
    """A master, its replica and the sentinel that watches them."""

    master: Server
    replica: Server
    sentinel: Server

    @property
    def url(self) -> str:
        """The first sentinel in the list is dead, as one may be."""
        return f"redis+sentinel://127.0.0.1:1,{self.sentinel.address}/mymaster"

    async def promote_replica(self) -> None:
        """From now on the sentinel names the replica, whatever that one thinks of itself."""
        await self.sentinel.ask("SENTINEL", "REMOVE", "mymaster")
        where = ("127.0.0.1", self.replica.port, 1)
        await self.sentinel.ask("SENTINEL", "MONITOR", "mymaster", *where)


@pytest.fixture
async def watched(make_server: MakeServer) -> Watched:
    master, replica = make_server(), make_server()
    await replica.ask("REPLICAOF", "127.0.0.1", master.port)
    sentinel = make_server("sentinel.conf", "--sentinel")
    for question in (
        ("MONITOR", "mymaster", "127.0.0.1", master.port, 1),
        ("SET", "mymaster", "down-after-milliseconds", HOUR_MS),
        ("SET", "mymaster", "failover-timeout", 3000),
    ):
        await sentinel.ask("SENTINEL", *question)
    watched = Watched(master, replica, sentinel)
    await until_in_sync(watched)
    return watched


async def until_in_sync(watched: Watched) -> None:
    """Waits until the sentinel knows the replica and the replica has everything."""
    async with asyncio.timeout(FAILOVER_SECONDS):
        while True:
            known = await watched.sentinel.ask("SENTINEL", "REPLICAS", "mymaster")
            state = await watched.replica.ask("INFO", "replication")
            assert isinstance(state, dict)
            if known and state["master_link_status"] == "up":
                return
            await asyncio.sleep(0.05)


async def until_alone(master: Server) -> None:
    """Waits until the master has noticed that no replica is left."""
    async with asyncio.timeout(FAILOVER_SECONDS):
        while True:
            state = await master.ask("INFO", "replication")
            assert isinstance(state, dict)
            if state["connected_slaves"] == 0:
                return
            await asyncio.sleep(0.05)


async def make_sale(executor: Executor, uid: str) -> SaleRef:
    await executor.command(
        "HSET", keys.sale(uid), "epoch", 1, "revision", 1, "event_epoch", 1, "name", uid
    )
    return SaleRef(uid, 1, 1)


async def touch(executor: Executor, ref: SaleRef) -> int:
    return int((await guarded(executor, ref, "touch_sale", (1,))).values[0])


async def until_served(executor: Executor) -> int:
    """The port of the server that answers once somebody does."""
    async with asyncio.timeout(FAILOVER_SECONDS):
        while True:
            try:
                reply = await executor.command("CONFIG", "GET", "port")
            except StoreError:
                await asyncio.sleep(0.05)
            else:
                return int(reply[1])


async def test_failover_is_followed(watched: Watched, test_bundle: Bundle) -> None:
    async with Executor(watched.url, test_bundle) as executor:
        ref = await make_sale(executor, fresh_uid())
        assert await touch(executor, ref) == 1
        assert await executor.command("WAIT", 1, 5000) == 1
        await watched.sentinel.ask("SENTINEL", "SET", "mymaster", "down-after-milliseconds", 300)
        await asyncio.to_thread(watched.master.kill)
        assert await until_served(executor) == watched.replica.port
        assert await touch(executor, ref) == 2


async def test_write_lost_in_a_failover_is_store_behind(
    watched: Watched, test_bundle: Bundle
) -> None:
    async with Executor(watched.url, test_bundle) as executor:
        # Given a change that was acknowledged and not yet copied
        ref = await make_sale(executor, fresh_uid())
        assert await executor.command("WAIT", 1, 5000) == 1
        await watched.replica.ask("REPLICAOF", "NO", "ONE")
        assert await touch(executor, ref) == 1
        # When the replica takes over
        await asyncio.to_thread(watched.master.kill)
        await watched.promote_replica()
        assert await until_served(executor) == watched.replica.port
        # Then the first guarded call finds out, and writes nothing
        with pytest.raises(StoreBehind):
            await touch(executor, ref)


async def test_demoted_master_is_left(watched: Watched, test_bundle: Bundle) -> None:
    async with Executor(watched.url, test_bundle) as executor:
        ref = await make_sale(executor, fresh_uid())
        assert await executor.command("WAIT", 1, 5000) == 1
        # Given a live master that becomes a replica without closing our link
        await watched.replica.ask("REPLICAOF", "NO", "ONE")
        await watched.master.ask("REPLICAOF", "127.0.0.1", watched.replica.port)
        # When a call meets READONLY, and the sentinel still names the old one
        with pytest.raises(StoreUnavailable):
            await touch(executor, ref)
        with pytest.raises(StoreUnavailable):
            await touch(executor, ref)
        # Then the next master is used as soon as it is named
        await watched.promote_replica()
        assert await until_served(executor) == watched.replica.port
        assert await touch(executor, ref) == 1


async def test_master_that_lost_its_replicas_is_left_for_the_promoted_one(
    watched: Watched, test_bundle: Bundle
) -> None:
    """Given a master that is cut off but for us, it refuses every write and answers well."""
    async with Executor(watched.url, test_bundle) as executor:
        ref = await make_sale(executor, fresh_uid())
        await watched.master.ask("CONFIG", "SET", "min-replicas-to-write", 1)
        assert await executor.command("WAIT", 1, 5000) == 1
        assert await touch(executor, ref) == 1
        assert await executor.command("WAIT", 1, 5000) == 1
        # While nobody else is named, its refusal is told and its link stays
        await watched.replica.ask("REPLICAOF", "NO", "ONE")
        await until_alone(watched.master)
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="NOREPLICAS"):
                await touch(executor, ref)
            assert await executor.command("TIME")
        # When the other one is named, then it is used
        await watched.promote_replica()
        async with asyncio.timeout(FAILOVER_SECONDS):
            while True:
                try:
                    assert await touch(executor, ref) == 2
                except (StoreUnavailable, StoreOutcomeUnknown):
                    await asyncio.sleep(0.05)
                else:
                    break
        assert await until_served(executor) == watched.replica.port


async def test_master_that_was_replaced_is_left_though_it_answers(
    watched: Watched, test_bundle: Bundle
) -> None:
    """Given calls that only read, which a master that is cut off answers for ever."""
    await watched.replica.ask("REPLICAOF", "NO", "ONE")
    async with Executor(watched.url, test_bundle) as executor:
        assert await until_served(executor) == watched.master.port
        await watched.promote_replica()
        async with asyncio.timeout(FAILOVER_SECONDS):
            while True:
                if await until_served(executor) == watched.replica.port:
                    break
                await asyncio.sleep(0.05)


async def test_most_sentinels_are_believed_and_not_the_first(make_server: MakeServer) -> None:
    old, new = make_server(), make_server()
    sentinels = [make_server("sentinel.conf", "--sentinel") for _ in range(3)]
    for sentinel, master in zip(sentinels, (old, new, new), strict=True):
        await sentinel.ask("SENTINEL", "MONITOR", "mymaster", "127.0.0.1", master.port, 2)
    for order in itertools.permutations(sentinels):
        where = ",".join(str(sentinel.address) for sentinel in order)
        url = StoreUrl.parse(f"redis+sentinel://{where}/mymaster")
        assert await find_master(url) == new.address


async def test_silent_sentinel_is_not_waited_for(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of three agree: the third, which takes connections and says nothing, is not needed."""
    monkeypatch.setattr(sentinels, "ANSWER_SECONDS", 600.0)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    async with listening(say_nothing, lambda t: asyncio.start_server(t, "127.0.0.1", 0)) as silent:
        port = silent.sockets[0].getsockname()[1]
        known = watched.sentinel.address
        url = StoreUrl.parse(f"redis+sentinel://127.0.0.1:{port},{known},{known}/mymaster")
        async with asyncio.timeout(FAILOVER_SECONDS):
            assert await find_master(url) == watched.master.address


@pytest.mark.parametrize(
    ("words", "believed"),
    [
        ([(1, 7)], 1),
        ([(1, 7), (2, 8)], 2),
        ([(2, 8), (1, 7)], 2),
        ([(1, 9), (2, 8), (2, 8)], 2),
    ],
)
def test_most_count_and_then_the_later_failover(
    words: list[tuple[int, int]], believed: int
) -> None:
    """Each word: the port of the master that it names, and its epoch."""
    said = [Word(Address("127.0.0.1", port), epoch) for port, epoch in words]
    assert most_believed(said).port == believed


async def test_replica_is_never_taken_for_the_master(watched: Watched, test_bundle: Bundle) -> None:
    """A sentinel that is out of date names a server that is a replica by now."""
    await watched.promote_replica()
    async with Executor(watched.url, test_bundle) as executor:
        with pytest.raises(StoreUnavailable, match="not a master"):
            await executor.command("GET", "hf:x")


async def test_unknown_master_is_named(watched: Watched, test_bundle: Bundle) -> None:
    async with Executor(watched.url.replace("mymaster", "other"), test_bundle) as executor:
        with pytest.raises(StoreUnavailable, match="no sentinel knows a master named other"):
            await executor.command("PING")


async def test_master_known_to_be_down_is_not_tried(make_server: MakeServer) -> None:
    """The sentinel still has its address, and nobody to put in its place."""
    master, sentinel = make_server(), make_server("sentinel.conf", "--sentinel")
    await sentinel.ask("SENTINEL", "MONITOR", "mymaster", "127.0.0.1", master.port, 1)
    url = StoreUrl.parse(f"redis+sentinel://{sentinel.address}/mymaster?sentinel_password=s3cret")
    open_url = replace(url, sentinel_password="")
    assert await find_master(open_url) == master.address
    # nothing of what the clients were opened with is told
    with pytest.raises(StoreUnavailable, match=r"^no sentinel knows a master named mymaster$"):
        await find_master(url)
    await sentinel.ask("SENTINEL", "SET", "mymaster", "down-after-milliseconds", 100)
    await asyncio.to_thread(master.kill)

    async def while_named() -> None:
        while True:
            assert await find_master(open_url) == master.address
            await asyncio.sleep(0.05)

    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(while_named(), FAILOVER_SECONDS)


async def test_check_and_plain_client_find_the_master(watched: Watched) -> None:
    (info,) = await check_store(watched.url)
    assert (info.address, info.role, info.replicas) == (watched.master.address, "master", 1)
    client = await open_client(watched.url)
    assert await client.set("hf:x", "1")
    await client.aclose()
