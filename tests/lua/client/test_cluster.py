"""A real Cluster of three masters: routing, redirections within a batch, a lost master."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import fresh_uid
from redis.crc import key_slot
from support.sales.worker import until
from support.store.peers import Handler, listening
from support.store.servers import CLUSTERED, MakeServer, Server

from holdfast_lua import Bundle, Executor, StoreOutcomeUnknown, StoreUnavailable, load_bundle
from holdfast_lua.calls import keys
from holdfast_lua.client import executor as executor_module
from holdfast_lua.client.connect import check_store, open_client
from holdfast_lua.client.link import Address, Call, LinkSettings
from holdfast_lua.client.node import Node
from holdfast_lua.client.routing import ClusterRouter
from holdfast_lua.client.slots import SLOTS, find_slots
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.client.wire import ReplyError

SCRIPTS = Path(__file__).parents[2] / "lua" / "scripts"
CALLERS = 40


@pytest.fixture(scope="session")
def plain_bundle() -> Bundle:
    """Scripts with the real clock: the test clock's key is in another slot than the sale."""
    return load_bundle(extra=SCRIPTS)


def url_of(servers: list[Server]) -> str:
    return "redis+cluster://" + ",".join(str(server.address) for server in servers)


@pytest.fixture
async def spread(cluster: list[Server], plain_bundle: Bundle) -> AsyncIterator[Executor]:
    """An executor that was told of one master only."""
    async with Executor(url_of(cluster[:1]), plain_bundle) as executor:
        yield executor


async def make_sale(executor: Executor, uid: str) -> None:
    await executor.command(
        "HSET", keys.sale(uid), "epoch", 1, "revision", 1, "event_epoch", 1, "name", uid
    )


async def touch(executor: Executor, uid: str) -> int:
    reply = await executor.run("touch_sale", (keys.sale(uid), keys.events(uid)), (1, 1, 1))
    assert reply[0] == 0
    return int(reply[3])


class Migration:
    """Moves one slot step by step, as an operator's tool would."""

    def __init__(self, source: Server, target: Server, slot: int) -> None:
        self.source, self.target, self.slot = source, target, slot

    async def begin(self) -> None:
        source, target = await node_id(self.source), await node_id(self.target)
        await self.target.ask("CLUSTER", "SETSLOT", self.slot, "IMPORTING", source)
        await self.source.ask("CLUSTER", "SETSLOT", self.slot, "MIGRATING", target)

    async def move(self, *names: str) -> None:
        await self.source.ask("MIGRATE", "127.0.0.1", self.target.port, "", 0, 5000, "KEYS", *names)

    async def finish(self) -> None:
        target = await node_id(self.target)
        for server in (self.target, self.source):
            await server.ask("CLUSTER", "SETSLOT", self.slot, "NODE", target)


def migration_of(uid: str, servers: list[Server]) -> Migration:
    """A move of the sale's slot from its first owner to the next master."""
    slot = key_slot(uid.encode())
    number = 0 if slot < 5461 else 1 if slot < 10923 else 2
    return Migration(servers[number], servers[(number + 1) % 3], slot)


async def migrating(executor: Executor, servers: list[Server]) -> tuple[str, Migration]:
    """A sale that was touched once, and whose slot is under way."""
    uid = fresh_uid()
    await make_sale(executor, uid)
    assert await touch(executor, uid) == 1
    migration = migration_of(uid, servers)
    await migration.begin()
    return uid, migration


async def node_id(server: Server) -> str:
    answer = await server.ask("CLUSTER", "MYID")
    assert isinstance(answer, bytes)
    return answer.decode()


async def test_sales_spread_over_the_masters(spread: Executor, cluster: list[Server]) -> None:
    uids = [fresh_uid() for _ in range(60)]
    await asyncio.gather(*[make_sale(spread, uid) for uid in uids])
    assert await asyncio.gather(*[touch(spread, uid) for uid in uids]) == [1] * 60
    held = [int(str(await server.ask("DBSIZE"))) for server in cluster]
    assert sum(held) == 120
    assert all(held)


async def test_every_master_is_checked(cluster: list[Server]) -> None:
    infos = await check_store(url_of(cluster))
    assert sorted(info.address.port for info in infos) == sorted(server.port for server in cluster)
    assert all(info.cluster for info in infos)


async def test_plain_client_opens(cluster: list[Server]) -> None:
    client = await open_client(url_of(cluster))
    assert await client.set("hf:{x}:y", "1")
    await client.aclose()


async def test_slot_moved_behind_our_back_is_followed(
    spread: Executor, cluster: list[Server]
) -> None:
    uid, migration = await migrating(spread, cluster)
    await migration.move(keys.sale(uid), keys.events(uid))
    # Given a slot under way, its keys already at the target: ASK for each call
    assert await touch(spread, uid) == 2
    # When the move is final: MOVED once, then straight to the new owner
    await migration.finish()
    assert await touch(spread, uid) == 3


async def test_migration_in_the_middle_of_batches_runs_every_call_exactly_once(
    spread: Executor, cluster: list[Server]
) -> None:
    # Given callers that never stop touching a sale of the slot, and sales elsewhere
    uid, others = fresh_uid(), [fresh_uid() for _ in range(6)]
    for each in (uid, *others):
        await make_sale(spread, each)
        await touch(spread, each)
    stopping, seen = False, {each: [1] for each in (uid, *others)}

    async def caller(number: int) -> None:
        each = uid if number % 2 else others[number % len(others)]
        while not stopping:
            seen[each].append(await touch(spread, each))

    callers = [asyncio.create_task(caller(number)) for number in range(CALLERS)]
    # When the slot moves under them, there and back
    there = migration_of(uid, cluster)
    back = Migration(there.target, there.source, there.slot)
    for migration in (there, back):
        await migration.begin()
        await migration.move(keys.sale(uid), keys.events(uid))
        await asyncio.sleep(0.05)
        await migration.finish()
    stopping = True
    await asyncio.gather(*callers)
    # Then no call failed, none ran twice, none was lost
    for each, counts in seen.items():
        assert sorted(counts) == list(range(1, len(counts) + 1)), each


async def test_keys_split_by_a_migration_wait_for_its_end(
    spread: Executor, cluster: list[Server]
) -> None:
    """TRYAGAIN: half of the sale's keys are here and half there; the call must wait, not fail."""
    uid, migration = await migrating(spread, cluster)
    await migration.move(keys.sale(uid))
    waiting = asyncio.create_task(touch(spread, uid))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await migration.move(keys.events(uid))
    await migration.finish()
    assert await waiting == 2


async def test_migration_that_never_ends_is_unavailable(
    spread: Executor, cluster: list[Server]
) -> None:
    uid, migration = await migrating(spread, cluster)
    await migration.move(keys.sale(uid))
    with pytest.raises(StoreUnavailable, match="TRYAGAIN"):
        await touch(spread, uid)


async def test_unreachable_seed_is_skipped(cluster: list[Server], plain_bundle: Bundle) -> None:
    url = "redis+cluster://127.0.0.1:1," + ",".join(str(one.address) for one in cluster[1:])
    async with Executor(url, plain_bundle) as executor:
        await make_sale(executor, "x")
        assert await touch(executor, "x") == 1


async def test_silent_seed_is_given_up(cluster: list[Server], plain_bundle: Bundle) -> None:
    """One that takes connections and says nothing, while replies may take a minute."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    async with listening(say_nothing, lambda t: asyncio.start_server(t, "127.0.0.1", 0)) as silent:
        port = silent.sockets[0].getsockname()[1]
        url = f"redis+cluster://127.0.0.1:{port},{cluster[0].address}?timeout=60"
        async with asyncio.timeout(30), Executor(url, plain_bundle) as executor:
            await make_sale(executor, "y")
            assert await touch(executor, "y") == 1


async def test_seed_with_an_older_view_is_not_believed(
    cluster: list[Server], make_server: MakeServer, plain_bundle: Bundle
) -> None:
    """One that still names itself for all slots, as a master does that has not heard of its end."""
    former = make_server(*CLUSTERED)
    await former.ask("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
    async with Executor(url_of([former, *cluster]), plain_bundle) as executor:
        for uid in (fresh_uid() for _ in range(20)):
            await make_sale(executor, uid)
            assert await touch(executor, uid) == 1
    assert await former.ask("DBSIZE") == 0


def server_that_says(state: str, epoch: int, master: str) -> Handler:
    """Names one master for all slots."""
    info = f"cluster_state:{state}\r\ncluster_current_epoch:{epoch}\r\n"
    owner = f"*1\r\n*3\r\n:0\r\n:{SLOTS - 1}\r\n*2\r\n${len(master)}\r\n{master}\r\n:6379\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"SLOTS\r\n")
        writer.write(f"${len(info)}\r\n{info}\r\n{owner}".encode())
        await reader.read()

    return answer


@pytest.mark.parametrize(
    ("former", "taken"),
    [(("ok", 1), "promoted"), (("fail", 9), "promoted"), (("ok", 3), "former")],
    ids=["older", "newer, but has lost the majority", "newer"],
)
async def test_newest_view_of_the_slots_is_taken(former: tuple[str, int], taken: str) -> None:
    async with AsyncExitStack() as stack:
        asked = []
        for said in ((*former, "former"), ("ok", 2, "promoted")):
            peer = listening(
                server_that_says(*said), lambda t: asyncio.start_server(t, "127.0.0.1", 0)
            )
            port = (await stack.enter_async_context(peer)).sockets[0].getsockname()[1]
            asked.append(Address("127.0.0.1", port))
        for order in (asked, asked[::-1]):
            view = await find_slots(order, LinkSettings())
            assert set(view.slots.values()) == {Address(taken, 6379)}
        alone = await find_slots(asked[:1], LinkSettings())
        assert set(alone.slots.values()) == {Address("former", 6379)}


async def test_no_seed_at_all_is_unavailable(plain_bundle: Bundle) -> None:
    async with Executor("redis+cluster://127.0.0.1:1", plain_bundle) as executor:
        with pytest.raises(StoreUnavailable, match="nobody serves the slot"):
            await touch(executor, "x")
        assert executor.outstanding == 0


async def test_lost_master_fails_its_own_sales_only(
    fragile_cluster: list[Server], plain_bundle: Bundle
) -> None:
    # Given a sale on each master, and masters that serve on when another is gone
    lost, *others = fragile_cluster
    uids: dict[Server, str] = {}
    while len(uids) < 3:
        uid = fresh_uid()
        uids.setdefault(migration_of(uid, fragile_cluster).source, uid)
    for server in fragile_cluster:
        await server.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    async with Executor(url_of(fragile_cluster), plain_bundle) as executor:
        for uid in uids.values():
            await make_sale(executor, uid)
        # When one is killed
        await asyncio.to_thread(lost.kill)
        outcomes = await asyncio.gather(
            *[touch(executor, uids[server]) for server in (lost, *others)], return_exceptions=True
        )
        # Then only its own sales are away
        assert isinstance(outcomes[0], StoreUnavailable | StoreOutcomeUnknown)
        assert outcomes[1:] == [1, 1]
        # And once another master has taken over the slot, that one is found
        slot, heir = key_slot(uids[lost].encode()), await node_id(others[0])
        for server in others:
            await server.ask("CLUSTER", "SETSLOT", slot, "NODE", heir)
        await until_made(executor, uids[lost])
        assert await touch(executor, uids[lost]) == 1


async def until_made(executor: Executor, uid: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                return await make_sale(executor, uid)
            except StoreUnavailable:
                await asyncio.sleep(0.05)


async def told_try_again(servers: list[Server]) -> bool:
    """Whether one of them has answered TRYAGAIN since its counters were reset."""
    told = [await server.ask("INFO", "errorstats") for server in servers]
    return any("errorstat_TRYAGAIN" in str(one) for one in told)


async def test_call_that_waits_to_be_sent_again_ends_with_the_executor(
    cluster: list[Server], plain_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told TRYAGAIN it sleeps in no queue of ours when the executor closes."""
    monkeypatch.setattr(executor_module, "TRY_AGAIN_SECONDS", 1.0)
    uid = fresh_uid()
    migration = migration_of(uid, cluster)
    async with Executor(url_of(cluster), plain_bundle) as executor:
        await make_sale(executor, uid)
        await migration.begin()
        await migration.move(keys.sale(uid))
        for server in cluster:
            await server.ask("CONFIG", "RESETSTAT")
        call = asyncio.create_task(touch(executor, uid))
        await until(partial(told_try_again, cluster), 5)
        await executor.aclose(drain_seconds=0.0)
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailable, match="the executor is closed"):
                await call
        assert executor.outstanding == 0


class Outcomes:
    """What a router says of the calls that it was given."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def node_reply(self, node: Node, call: Call, reply: Any) -> None:
        self.told.append(reply)

    async def node_moved(self, node: Node) -> None: ...

    def finish(self, call: Call, outcome: Any) -> None:
        self.told.append(outcome)


async def test_closed_router_refuses_slots_that_it_does_not_know() -> None:
    outcomes = Outcomes()
    router = ClusterRouter(outcomes, StoreUrl.parse("redis+cluster://127.0.0.1:1"))
    await router.aclose()
    router.dispatch([Call("TIME", b"", None, key="x")])
    node = Node(outcomes, lambda: asyncio.sleep(0, Address()), LinkSettings())
    assert router.redirect(node, Call("TIME", b"", None), ReplyError("MOVED 1 127.0.0.1:1"))
    assert [str(outcome) for outcome in outcomes.told] == ["the executor is closed"] * 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_redirection_that_cannot_be_read_is_told_to_the_caller() -> None:
    router = ClusterRouter(Outcomes(), StoreUrl.parse("redis+cluster://127.0.0.1:1"))
    node = Node(Outcomes(), lambda: asyncio.sleep(0, Address()), LinkSettings())
    for text in ("MOVED", "MOVED here there", "ASK 1 nowhere"):
        assert not router.redirect(node, Call("TIME", b"", None), ReplyError(text))
    await router.aclose()
