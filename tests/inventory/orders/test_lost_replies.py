"""Replies of the store that never arrive: the script has run, and its caller does not know.

The proxy stands between the executor and a real store. It lets the call of one script through and
swallows the answer, with the connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conftest import Clock
from support.ledger.small_sale import Shop, drained, make_inventory

from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.recovery import PATIENCE_MS, Recovery
from holdfast_ledger import Ledger, OrderStatus
from holdfast_lua import Bundle, Executor, SaleRef
from holdfast_lua.errors import StoreError, StoreOutcomeUnknown


class LossyStore:
    """Swallows the answer to the next call of the script that it is told."""

    def __init__(self, target: str, path: Path) -> None:
        self._target, self.path = target, path
        self._pumps: set[asyncio.Task[None]] = set()
        self.sha = b""
        self.swallowed = 0

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        server, to_server = await asyncio.open_unix_connection(self._target)
        answers = asyncio.create_task(self._answer(server, to_client))
        with contextlib.suppress(ConnectionError):
            while data := await client.read(65_536):
                if self.sha and self.sha in data:
                    self.sha = b""
                    self.swallowed += 1
                    answers.cancel()
                    await asyncio.wait({answers})
                    to_server.write(data)
                    await server.read(65_536)
                    break
                to_server.write(data)
        answers.cancel()
        to_server.close()
        to_client.close()

    async def _answer(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await server.read(65_536):
                to_client.write(data)


@pytest.fixture
async def lossy(store_url: str, tmp_path: Path) -> AsyncIterator[LossyStore]:
    proxy = LossyStore(store_url.removeprefix("unix://"), tmp_path / "lossy.sock")
    async with await asyncio.start_unix_server(proxy.serve, proxy.path):
        yield proxy


@pytest.fixture
async def shaky(
    shop: Shop, shop_ledger: Ledger, lossy: LossyStore, test_bundle: Bundle
) -> AsyncIterator[Shop]:
    """The same sale through the proxy."""
    async with Executor(f"unix://{lossy.path}", test_bundle) as executor:
        ref = SaleRef(shop.inventory.uid, 1)
        yield Shop(
            executor,
            shop_ledger,
            make_inventory(executor, shop.inventory.name, ref, shop.inventory.settings),
        )


def lose(lossy: LossyStore, bundle: Bundle, script: str) -> None:
    lossy.sha = bundle.script(script).sha.encode()


@pytest.mark.parametrize("script", ["begin_confirm", "finish_confirm"])
async def test_lost_reply_of_the_store_is_no_lost_order(
    shop: Shop, shaky: Shop, lossy: LossyStore, test_bundle: Bundle, script: str
) -> None:
    hold = await shop.hold("r1s1", "r1s2")
    await shaky.read(hold.id)
    lose(lossy, test_bundle, script)
    if script == "begin_confirm":
        with pytest.raises(StoreOutcomeUnknown):
            await shaky.confirm(hold)
    else:
        assert (await shaky.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shaky)
    assert lossy.swallowed == 1
    assert (await shaky.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shaky)
    assert (await shop.states())[:2] == "bb"
    assert len(await shop.events("order.confirmed")) == 1
    await shop.audit()


async def test_lost_reply_that_nobody_asks_about_is_undone(
    shop: Shop, shaky: Shop, lossy: LossyStore, test_bundle: Bundle, clock: Clock
) -> None:
    """Given a confirm that broke off with its begin, recovery voids it and frees the seats."""
    hold = await shop.hold("r1s1")
    await shaky.read(hold.id)
    lose(lossy, test_bundle, "begin_confirm")
    with pytest.raises(StoreError):
        await shaky.confirm(hold)
    recovery = Recovery(shop.ledger)
    await recovery.visit(shop.inventory)
    await clock.advance_ms(PATIENCE_MS + 1)
    assert await recovery.visit(shop.inventory) == 1
    assert (await shop.states())[0] == "f"
    await shop.audit()


async def test_lost_reply_of_paying_can_be_asked_again(
    shop: Shop, shaky: Shop, lossy: LossyStore, test_bundle: Bundle
) -> None:
    hold = await shop.hold("r1s1")
    await shaky.read(hold.id)
    lose(lossy, test_bundle, "begin_paying")
    with pytest.raises(StoreOutcomeUnknown):
        await begin_paying(shaky.context, hold.id)
    paying = await begin_paying(shaky.context, hold.id)
    assert paying.order.status is OrderStatus.PENDING
    await shop.lose_store()
    assert (await shop.states())[0] == "h"
