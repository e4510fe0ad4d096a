"""What goes on without being asked: admission, status, housekeeping.

Every worker advances the line of every sale it has loaded, a few times a second: the script is
harmless to repeat and its answer is the worker's own fresh status document, which also tells it
that settings have changed. The housekeeping (overdue holds, stuck orders, checkpoints, sales that
nobody has asked for yet) is the leader's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast.config import Config
from holdfast.leadership import Leadership
from holdfast.sales.agreement import Agreement
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.periodic import Periodic
from holdfast.sales.sale import Sale
from holdfast_inventory.ledger.sales import MAX_PAGE
from holdfast_lua.errors import EpochChanged, StoreBehind
from holdfast_queue.status import SaleState

LOOK_SECONDS: Final = 1.0
CLOSED_EVERY_TICKS: Final = 4

logger = logging.getLogger(__name__)


class Tickers:
    """The periodic tasks of one worker."""

    def __init__(
        self,
        config: Config,
        builder: SaleBuilder,
        directory: SaleDirectory,
        leadership: Leadership,
        observe: Callable[[Sale], None],
    ) -> None:
        self._builder = builder
        self._directory = directory
        self._leadership = leadership
        self._observe = observe
        self._agreement = Agreement(builder)
        self._tick = 0
        self._troubles: dict[str, str] = {}
        self._tasks = (
            Periodic("admission", config.tick_ms / 1000, self._advance_all),
            Periodic("finding sales", LOOK_SECONDS, self._leading(self._find_sales)),
            Periodic("leaving sales", LOOK_SECONDS, self._leave_sales),
            Periodic("sweep", config.sweep_ms / 1000, self._leading(self._sweep_all)),
            Periodic("recovery", config.recovery_ms / 1000, self._leading(self._recover_all)),
            Periodic(
                "checkpoint", config.checkpoint_ms / 1000, self._leading(self._checkpoint_all)
            ),
        )

    def start(self) -> None:
        """Begin all of them."""
        for task in self._tasks:
            task.start()

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(task.stop() for task in self._tasks))

    def _leading(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def when_leading() -> None:
            if self._leadership.held():
                await work()

        return when_leading

    async def _advance_all(self) -> None:
        self._tick += 1
        seldom = self._tick % CLOSED_EVERY_TICKS == 0
        await self._each(self._advance, [s for s in self._directory if seldom or _runs(s)])

    async def _advance(self, sale: Sale) -> None:
        try:
            await sale.room.tick()
        except (StoreBehind, EpochChanged) as fault:
            logger.info("sale %s: %s", sale.name, fault)
            await self._directory.recover(sale, fault)
            return
        self._observe(sale)
        if sale.room.document.line.settings_version != sale.record.settings_version:
            await self._directory.refresh(sale)

    async def _find_sales(self) -> None:
        """Load what the ledger has and this worker has not: a sale must run though nobody asks.

        What it has is compared with the store: an operation may have broken off between the two.
        """
        after = ""
        while True:
            records = await self._builder.ledger.sales.page(after=after)
            for record in records:
                known = self._directory.known(record.name)
                if known is None:
                    await self._directory.find(record.name)
                else:
                    await self._agreement.reach(known, record)
            if len(records) < MAX_PAGE:
                return
            after = records[-1].name

    async def _leave_sales(self) -> None:
        """Sales that were deleted or replaced: whoever did it may have died before the store knew.

        As a rule the store tells, by refusing the old epoch. This is every worker's own look, since
        only those who know a sale serve it.
        """
        known = list(self._directory)
        standing = await self._builder.ledger.sales.standing([sale.uid for sale in known])
        past = [sale for sale in known if standing.get(sale.uid) != sale.record.epoch]
        await self._each(self._leave, past)

    async def _leave(self, sale: Sale) -> None:
        if (await self._builder.ledger.sales.read_uid(sale.uid)).deleted:
            await self._builder.sale_calls.remove(sale.uid)
        await self._directory.refresh(sale)

    async def _sweep_all(self) -> None:
        await self._each(self._builder.sweep, list(self._directory))

    async def _recover_all(self) -> None:
        await self._each(self._builder.recover_orders, list(self._directory))

    async def _checkpoint_all(self) -> None:
        await self._each(self._builder.checkpoint, [s for s in self._directory if _runs(s)])

    async def _each(self, work: Callable[[Sale], Awaitable[None]], sales: list[Sale]) -> None:
        """All sales at once (their calls share pipelines); one that fails stops no other."""
        results = await asyncio.gather(*(work(sale) for sale in sales), return_exceptions=True)
        faults = [result for result in results if isinstance(result, BaseException)]
        for sale, result in zip(sales, results, strict=True):
            self._note(sale, result)
        if faults and len(faults) == len(sales):
            raise faults[0]

    def _note(self, sale: Sale, result: BaseException | None) -> None:
        """Each new trouble of a sale is told once."""
        if result is None:
            self._troubles.pop(sale.uid, None)
            return
        text = repr(result)
        if self._troubles.get(sale.uid) != text:
            self._troubles[sale.uid] = text
            logger.warning("sale %s: %s", sale.name, text)


def _runs(sale: Sale) -> bool:
    return sale.room.document.state is not SaleState.CLOSED
