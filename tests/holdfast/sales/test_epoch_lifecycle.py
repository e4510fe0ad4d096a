"""The life of an epoch in docs/lifecycles.md is what installing, rebuilding and PUT do to it."""

import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction
from itertools import product
from typing import Any, Final

from conftest import fresh_uid
from support.lifecycle_diagrams import NOWHERE, changes, read_diagram

from holdfast.sales.plans import PlanCache
from holdfast.sales.spec import AreaSpec, SaleSpec, spec_to_json
from holdfast.sales.store.install import Installer
from holdfast_ledger import Ledger, LedgerError, SaleDraft, SaleRecord
from holdfast_ledger.sales import Sales
from holdfast_lua import Executor
from holdfast_lua.calls.inventory_install import InstallFenced
from holdfast_lua.calls.sale import SaleCalls

SPEC = SaleSpec(
    name="Night",
    areas=(AreaSpec(id="floor", name="Floor", capacity=5, category="GA"),),
    prices={"GA": 100},
)
NONCE = "0123456789abcdef"
READING = {"read", "live", "read_uid", "read_plan", "page", "page_deleted", "any"}

Act = Callable[[Installer, SaleRecord], Awaitable[object]]


def draft_of(uid: str) -> SaleDraft:
    return SaleDraft(uid, f"sale-{uid}", spec_to_json(SPEC), areas={"floor": 5})


def state_of(record: SaleRecord | None, epoch: int) -> str:
    """Where an epoch stands, by what the ledger says of its sale."""
    if record is None or record.epoch < epoch:
        return NOWHERE
    if record.epoch > epoch or record.deleted:
        return "passed"
    if record.installed_epoch == epoch:
        return "current"
    return "bound" if record.store_nonce else "begun"


class WatchedSales:
    """The ledger's sales; notes what each write has made of the first two epochs of a sale."""

    def __init__(self, sales: Sales, uid: str) -> None:
        self._sales = sales
        self._uid = uid
        self.seen: set[tuple[str, str, str]] = set()
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._sales, name)
        return method if name in READING else partial(self._noted, name, method)

    async def _noted(self, name: str, method: Any, *args: Any, **kwargs: Any) -> Any:
        before = await self._states()
        try:
            return await method(*args, **kwargs)
        finally:
            self.called.add(name)
            after = await self._states()
            self.seen |= {(*pair, name) for pair in zip(before, after, strict=True)}

    async def _states(self) -> list[str]:
        record = await record_of(self._sales, self._uid)
        return [state_of(record, epoch) for epoch in (1, 2)]


async def record_of(sales: Sales, uid: str) -> SaleRecord | None:
    """The row of the sale, deleted ones included; None before there is one."""
    try:
        return await sales.read_uid(uid)
    except LedgerError:
        return None


async def install(installer: Installer, record: SaleRecord) -> None:
    await installer.install(record)


async def rebuild(installer: Installer, record: SaleRecord) -> object:
    return await installer.rebuild(record)


async def restore(installer: Installer, record: SaleRecord) -> object:
    return await installer.restore(record)


async def restore_lost(installer: Installer, record: SaleRecord) -> object:
    """After the store has forgotten everything."""
    await SaleCalls(installer.executor).remove(record.uid)
    return await installer.restore(record)


async def restore_rolled_back(installer: Installer, record: SaleRecord) -> object:
    return await installer.restore(record, rolled_back=True)


async def bind(installer: Installer, record: SaleRecord) -> None:
    """As an installation does that another store is the target of."""
    await installer.ledger.sales.bind_store(record.uid, epoch=record.epoch, nonce=NONCE)


async def create(installer: Installer, record: SaleRecord) -> object:
    return await installer.ledger.sales.create(draft_of(record.uid))


async def put_again(installer: Installer, record: SaleRecord) -> object:
    return await installer.ledger.sales.replace(draft_of(record.uid))


async def delete(installer: Installer, record: SaleRecord) -> None:
    await installer.ledger.sales.delete(record.uid)


async def patch(installer: Installer, record: SaleRecord) -> object:
    version = record.settings_version
    return await installer.ledger.sales.patch(record.uid, record.spec, seen_version=version)


async def pause(installer: Installer, record: SaleRecord) -> object:
    return await installer.ledger.sales.set_lifecycle(record.uid, "paused")


async def adopt(installer: Installer, record: SaleRecord) -> object:
    return await installer.ledger.sales.adopt_lifecycle(record, "draining")


async def promise(installer: Installer, record: SaleRecord) -> object:
    sales = installer.ledger.sales
    return await sales.raise_ceiling(record.uid, epoch=record.epoch, ceiling=10)


OPERATIONS: Final[tuple[Act, ...]] = (
    install,
    rebuild,
    restore,
    restore_lost,
    restore_rolled_back,
    bind,
    create,
    put_again,
    delete,
    patch,
    pause,
    adopt,
    promise,
)
WAYS: Final[tuple[tuple[Act, ...], ...]] = (
    (),
    (bind,),
    (install,),
    (install, restore_lost),
    (install, promise),
    (delete,),
)


async def test_diagram_is_what_installing_rebuilding_and_put_do(
    executor: Executor, ledger: Ledger
) -> None:
    seen: set[tuple[str, str, str]] = set()
    called: set[str] = set()
    for way, operation in product(WAYS, OPERATIONS):
        uid = fresh_uid()
        watched = WatchedSales(ledger.sales, uid)
        same = Ledger(ledger.database)
        same.sales = watched  # type: ignore[assignment]  # the same methods, observed
        installer = Installer(executor, same, PlanCache(same))
        record: SaleRecord = await watched.create(draft_of(uid))
        for act in (*way, operation):
            # What the ledger refuses is what must not lead anywhere.
            with contextlib.suppress(LedgerError, InstallFenced):
                await act(installer, record)
        seen |= watched.seen
        called |= watched.called
    writing = {name for name, made in vars(Sales).items() if iscoroutinefunction(made)}
    assert called == {name for name in writing if not name.startswith("_")} - READING
    assert read_diagram("An epoch").arrows == changes(seen)
