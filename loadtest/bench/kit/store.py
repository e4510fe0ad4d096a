"""An embedded store, and sales in it that are installed without the service."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.kit.clients.two_commands import bundle_with_it
from holdfast_lua import EmbeddedStore, Executor, SaleRef
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.inventory_install import InventoryImage, install_inventory
from holdfast_lua.calls.records import HoldRecord
from holdfast_lua.calls.sale import SaleCalls, SaleTimes


@asynccontextmanager
async def embedded_store() -> AsyncIterator[tuple[str, Executor]]:
    """A store in a directory of its own: the path of its socket, and a client of it.

    Its scripts are those of production and the one of two commands.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with EmbeddedStore(directory / "data") as store:
            async with Executor(store.url, bundle_with_it(directory)) as executor:
                yield store.url.removeprefix("unix://"), executor


async def install_sale(
    executor: Executor, ref: SaleRef, name: str, inventory: Mapping[str, int | str]
) -> None:
    """A sale that is open, with these fields of its inventory."""
    await SaleCalls(executor).install(
        ref,
        name=name,
        lifecycle="live",
        settings_version=1,
        times=SaleTimes(),
        inventory=inventory,
    )


async def install_seats(
    executor: Executor, ref: SaleRef, name: str, image: InventoryImage
) -> InventoryCalls:
    """A sale that is open, with the seats of an image."""
    await install_inventory(executor, ref.uid, ref.epoch, image)
    await install_sale(executor, ref, name, image.sale_fields())
    return InventoryCalls(executor)


async def all_holds(calls: InventoryCalls, ref: SaleRef) -> AsyncIterator[HoldRecord]:
    """Every hold that the store has; one may come twice."""
    cursor = 0
    while True:
        cursor, holds = await calls.scan_holds(ref, cursor)
        for hold in holds:
            yield hold
        if cursor == 0:
            return
