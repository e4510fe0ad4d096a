"""Two stores at once: a master that was cut off, and the one that was promoted in its place.

Real servers and Sentinels; which master a Sentinel names is told to it, so that nothing is awaited.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.http.refusals import refusal_of
from support.sales.worker import NAME, Worker, build_worker, confirm, lose, record_of
from support.store.servers import Server, servers_in

from holdfast.sales.plans import PlanCache
from holdfast.sales.store.install import Installer
from holdfast_inventory.orders.paying import begin_paying
from holdfast_ledger import EpochElsewhere, EpochPassed, Ledger, LedgerUnavailable
from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.inventory_install import read_fence
from holdfast_lua.calls.sale import SaleCalls, SaleTimes
from holdfast_lua.client import mastership
from holdfast_lua.client.node import FIRST_PAUSE_SECONDS
from holdfast_lua.errors import StoreBehind, StoreUnavailable
from holdfast_web.errors import ErrorCode

COPIED_SECONDS = 30.0


@dataclass
class Masters:
    """`former` and `promoted`, and the Sentinels that name one of them."""

    former: Server
    promoted: Server
    sentinels: list[Server]
    ledger: Ledger
    nodes: list[Worker] = field(default_factory=list)

    @property
    def url(self) -> str:
        hosts = ",".join(str(sentinel.address) for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/mymaster"

    async def name(self, master: Server, *sentinels: Server) -> None:
        """What these Sentinels say from now on; all of them when none is given."""
        for sentinel in sentinels or self.sentinels:
            with contextlib.suppress(ConnectionError):  # it names none yet
                await sentinel.ask("SENTINEL", "REMOVE", "mymaster")
            where = ("127.0.0.1", master.port, 2)
            await sentinel.ask("SENTINEL", "MONITOR", "mymaster", *where)

    async def copy(self) -> None:
        """The replica has everything, and is cut off from what comes."""
        await self.promoted.ask("REPLICAOF", "127.0.0.1", self.former.port)
        async with asyncio.timeout(COPIED_SECONDS):
            while True:
                state = await self.promoted.ask("INFO", "replication")
                assert isinstance(state, dict)
                if state["master_link_status"] == "up":
                    break
                await asyncio.sleep(0.02)
        wanted = await self.former.ask("INFO", "replication")
        assert isinstance(wanted, dict)
        async with asyncio.timeout(COPIED_SECONDS):
            while state["slave_repl_offset"] < wanted["master_repl_offset"]:
                await asyncio.sleep(0.02)
                state = await self.promoted.ask("INFO", "replication")
                assert isinstance(state, dict)
        await self.promoted.ask("REPLICAOF", "NO", "ONE")

    @asynccontextmanager
    async def node(self) -> AsyncIterator[Worker]:
        """A node that has seen nothing yet, on the master that most Sentinels name now."""
        async with Executor(self.url) as executor:
            worker = build_worker(executor, self.ledger)
            try:
                yield worker
            finally:
                await worker.close()


@pytest.fixture
async def masters(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Masters]:
    """A node does not find out by itself here that its master was replaced."""
    monkeypatch.setattr(mastership, "LOOK_SECONDS", 3600.0)
    with servers_in(tmp_path) as make:
        sentinels = [make("sentinel.conf", "--sentinel") for _ in range(3)]
        masters = Masters(make(), make(), sentinels, ledger)
        await masters.name(masters.former)
        yield masters


async def epoch_of(worker: Worker) -> int:
    return (await record_of(worker, NAME)).epoch


async def join(worker: Worker) -> int:
    number = (await (await worker.directory.get(NAME)).room.join()).ticket.number
    assert number is not None
    return number


async def port_of(worker: Worker) -> int:
    return int((await worker.executor.command("CONFIG", "GET", "port"))[1])


async def moved(worker: Worker) -> None:
    """The calls that wait while another master takes over are refused, and nothing else is."""
    with contextlib.suppress(StoreUnavailable):
        await worker.executor.command("PING")


async def test_node_on_the_former_master_ends_no_epoch_of_the_promoted_one(
    masters: Masters,
) -> None:
    async with masters.node() as old:
        sale = await old.create(NAME, queue_all=True)
        numbers = [await join(old) for _ in range(3)]
        # Given a promoted master that lacks what was written since, and rebuilds the sale
        await masters.copy()
        numbers += [await join(old) for _ in range(3)]
        await masters.name(masters.promoted, *masters.sentinels[:2])
        async with masters.node() as new:
            await lose(new, NAME)
            numbers += [await join(new) for _ in range(3)]
            assert await epoch_of(new) == 2
            # When the node on the former one finds the ledger ahead, again and again
            for _ in range(3):
                with contextlib.suppress(StoreUnavailable):
                    await old.directory.refresh(sale)
            # Then no epoch has ended, and it is on the promoted one
            assert await epoch_of(new) == 2
            await moved(old)
            numbers += [await join(old) for _ in range(3)]
            assert await port_of(old) == masters.promoted.port
            numbers += [await join(new) for _ in range(3)]
            assert await epoch_of(new) == 2
    assert len(set(numbers)) == len(numbers)
    assert await masters.former.ask("HGET", keys.sale(sale.uid), "epoch") == b"1"


async def test_loss_is_not_believed_by_a_minority_of_sentinels(masters: Masters) -> None:
    async with masters.node() as node:
        sale = await node.create(NAME)
        await lose(node, NAME)
        # Given a node that only one of three Sentinels answers
        for sentinel in masters.sentinels[:2]:
            sentinel.kill()
        # Then it ends no epoch: it cannot know whether another master was promoted
        with pytest.raises(StoreUnavailable, match="sentinels"):
            await node.newcomer().directory.get(NAME)
        assert await epoch_of(node) == 1
        # When a second one is back, it does
        masters.sentinels[1].start("sentinel.conf", "--sentinel")
        await masters.name(masters.former, masters.sentinels[1])
        await asyncio.sleep(mastership.REFUSAL_SECONDS)
        await node.newcomer().directory.get(NAME)
        assert await epoch_of(node) == 2
        assert sale.uid


async def test_failover_to_a_replica_that_has_everything_rebuilds_nothing(
    masters: Masters,
) -> None:
    async with masters.node() as old:
        await old.create(NAME, queue_all=True)
        hold = await old.hold(NAME, "kept")
        await masters.copy()
    await masters.name(masters.promoted)
    async with masters.node() as new:
        await confirm(new, NAME, hold)
        assert await port_of(new) == masters.promoted.port
        assert await epoch_of(new) == 1
        # and a loss that comes after it is a loss as ever
        await lose(new, NAME)
        await new.newcomer().directory.get(NAME)
        assert await epoch_of(new) == 2


async def test_node_that_missed_the_last_writes_learns_of_them_before_it_uses_another_master(
    masters: Masters,
) -> None:
    """Else the promoted master, which lacks them too, would give their numbers out again."""
    async with masters.node() as busy, masters.node() as idle:
        sale = await busy.create(NAME, queue_all=True)
        numbers = [await join(busy), await join(idle)]
        await masters.copy()
        numbers += [await join(busy) for _ in range(5)]
        await sale.room.tick()
        await busy.builder.checkpoint(sale)
        await masters.name(masters.promoted)
        with pytest.raises(StoreUnavailable):
            await idle.executor.require_master()
        with pytest.raises(StoreUnavailable, match="takes over"):
            await join(idle)
        with pytest.raises(StoreBehind) as fault:
            await join(idle)
        assert await port_of(idle) == masters.promoted.port
        await idle.directory.repair(await idle.directory.get(NAME), fault.value)
        numbers += [await join(idle) for _ in range(5)]
        assert await epoch_of(idle) == 2
    assert len(set(numbers)) == len(numbers)


async def test_promoted_master_waits_for_the_ledger(
    masters: Masters, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with masters.node() as node:
        await node.create(NAME, queue_all=True)
        await masters.copy()
        await masters.name(masters.promoted)
        with pytest.raises(StoreUnavailable):
            await node.executor.require_master()

        async def away(_uids: object) -> None:
            raise LedgerUnavailable

        with monkeypatch.context() as patched:
            patched.setattr(node.ledger.checkpoints, "revisions", away)
            with pytest.raises(StoreUnavailable, match="ledger"):
                await join(node)
        await asyncio.sleep(FIRST_PAUSE_SECONDS)
        with pytest.raises(StoreUnavailable, match="takes over"):
            await join(node)
        assert await join(node) == 1
        assert await port_of(node) == masters.promoted.port


async def test_hold_of_the_promoted_master_is_not_unknown_to_a_node_on_the_former(
    masters: Masters,
) -> None:
    async with masters.node() as old:
        await old.create(NAME)
        await masters.copy()
        await masters.name(masters.promoted)
        async with masters.node() as new:
            hold = await new.hold(NAME, "fresh")
        # When it is confirmed where nobody has heard of it: 503, and the next attempt sells it
        with pytest.raises(StoreUnavailable):
            await confirm(old, NAME, hold)
        await moved(old)
        await confirm(old, NAME, hold)
        assert await port_of(old) == masters.promoted.port


async def test_hold_that_a_failover_has_lost_is_lost_and_not_unknown(masters: Masters) -> None:
    async with masters.node() as old:
        await old.create(NAME)
        await masters.copy()
        hold = await old.hold(NAME, "late")
    await masters.name(masters.promoted)
    async with masters.node() as new:
        paying = await refusal_of(begin_paying(await new.context(NAME), hold.id))
        refused = await refusal_of(confirm(new, NAME, hold))
    assert paying.code is refused.code is ErrorCode.HOLD_LOST


async def test_hold_of_a_later_epoch_is_not_unknown_to_a_node_in_the_first(
    masters: Masters,
) -> None:
    """The ledger tells, where no Sentinel does."""
    async with masters.node() as node:
        sale = await node.create(NAME)
        hold = await node.hold(NAME, "any")
        await node.executor.command("HDEL", keys.holds(sale.uid), hold.id)
        await node.ledger.sales.bump_epoch(sale.uid, seen_epoch=1)
        with pytest.raises(EpochPassed):
            await confirm(node, NAME, hold)


async def test_one_epoch_is_never_installed_in_two_stores(masters: Masters) -> None:
    """Given two stores whose nodes both believe theirs to be the one, as two URLs can make them."""
    async with Executor(masters.former.url) as one, Executor(masters.promoted.url) as other:
        worker = build_worker(one, masters.ledger)
        await worker.create(NAME)
        record = await record_of(worker, NAME)
        for _ in range(5):
            epoch = await masters.ledger.sales.bump_epoch(record.uid, seen_epoch=record.epoch)
            record = await masters.ledger.sales.read_uid(record.uid)
            stores = (one, other, one, other)
            installers = [Installer(s, masters.ledger, PlanCache(masters.ledger)) for s in stores]
            done = await asyncio.gather(
                *(installer.install(record) for installer in installers), return_exceptions=True
            )
            has = [await store.command("HGET", keys.sale(record.uid), "epoch") for store in stores]
            assert has.count(str(epoch).encode()) == 2, has
            assert {type(result) for result in done} == {type(None), EpochElsewhere}
            nonce = (await masters.ledger.sales.read_uid(record.uid)).store_nonce
            assert [(await read_fence(store, record.uid))[1] for store in stores].count(nonce) == 2
        await worker.close()


async def test_stock_that_was_written_to_another_store_is_no_sale_here(masters: Masters) -> None:
    """Given an installer that was moved to the promoted master between stock and sale hash."""
    async with Executor(masters.former.url) as one, Executor(masters.promoted.url) as other:
        worker = build_worker(one, masters.ledger)
        sale = await worker.create(NAME)
        _, nonce = await read_fence(one, sale.uid)
        code = await SaleCalls(other).install(
            SaleRef(sale.uid, 1),
            name=NAME,
            lifecycle="live",
            settings_version=1,
            times=SaleTimes(),
            inventory={},
            nonce=nonce,
        )
        assert code is Code.INSTALL_FENCED
        assert not await other.command("EXISTS", keys.sale(sale.uid))
        await worker.close()
