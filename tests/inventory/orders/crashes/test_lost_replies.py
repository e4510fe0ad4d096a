"""Replies of the store that never arrive: the script has run, and its caller does not know.

The proxy stands between the executor and a real store. It lets the call of one script through and
swallows the answer, with the connection.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conftest import Clock
from support.ledger.orders import LossyWire
from support.ledger.small_sale import Shop, drained, make_inventory

from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.recovery import PATIENCE_MS, Recovery
from holdfast_ledger import Ledger, OrderStatus
from holdfast_lua import Bundle, Executor, SaleRef
from holdfast_lua.errors import StoreError, StoreOutcomeUnknown


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "lossy.sock"


@pytest.fixture
async def wire(store_url: str, socket_path: Path) -> AsyncIterator[LossyWire]:
    async with LossyWire(
        lambda: asyncio.open_unix_connection(store_url.removeprefix("unix://")),
        lambda serve: asyncio.start_unix_server(serve, socket_path),
    ) as running:
        yield running


@pytest.fixture
async def shaky(
    shop: Shop, shop_ledger: Ledger, wire: LossyWire, socket_path: Path, test_bundle: Bundle
) -> AsyncIterator[Shop]:
    """The same sale through the proxy."""
    async with Executor(f"unix://{socket_path}", test_bundle) as executor:
        ref = SaleRef(shop.inventory.uid, 1)
        yield Shop(
            executor,
            shop_ledger,
            make_inventory(executor, shop.inventory.name, ref, shop.inventory.settings),
        )


def lose(wire: LossyWire, bundle: Bundle, script: str) -> None:
    wire.marker = bundle.script(script).sha.encode()
    wire.lose_reply = 1


@pytest.mark.parametrize("script", ["begin_confirm", "finish_confirm"])
async def test_lost_reply_of_the_store_is_no_lost_order(
    shop: Shop, shaky: Shop, wire: LossyWire, test_bundle: Bundle, script: str
) -> None:
    hold = await shop.hold("r1s1", "r1s2")
    await shaky.read(hold.id)
    lose(wire, test_bundle, script)
    if script == "begin_confirm":
        with pytest.raises(StoreOutcomeUnknown):
            await shaky.confirm(hold)
    else:
        assert (await shaky.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shaky)
    assert wire.lost == 1
    assert (await shaky.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shaky)
    assert (await shop.states())[:2] == "bb"
    assert len(await shop.events("order.confirmed")) == 1
    await shop.audit()


async def test_lost_reply_that_nobody_asks_about_is_undone(
    shop: Shop, shaky: Shop, wire: LossyWire, test_bundle: Bundle, clock: Clock
) -> None:
    """Given a confirm that broke off with its begin, recovery voids it and frees the seats."""
    hold = await shop.hold("r1s1")
    await shaky.read(hold.id)
    lose(wire, test_bundle, "begin_confirm")
    with pytest.raises(StoreError):
        await shaky.confirm(hold)
    recovery = Recovery(shop.ledger)
    await recovery.visit(shop.inventory)
    await clock.advance_ms(PATIENCE_MS + 1)
    assert await recovery.visit(shop.inventory) == 1
    assert (await shop.states())[0] == "f"
    await shop.audit()


async def test_lost_reply_of_paying_can_be_asked_again(
    shop: Shop, shaky: Shop, wire: LossyWire, test_bundle: Bundle
) -> None:
    hold = await shop.hold("r1s1")
    await shaky.read(hold.id)
    lose(wire, test_bundle, "begin_paying")
    with pytest.raises(StoreOutcomeUnknown):
        await begin_paying(shaky.context, hold.id)
    paying = await begin_paying(shaky.context, hold.id)
    assert paying.order.status is OrderStatus.PENDING
    await shop.lose_store()
    assert (await shop.states())[0] == "h"
