"""Runs of the crowd against a real service, observed as by a worker, with files for the judge."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast_demo.service import ServiceOptions
from holdfast_loadtest.audit.journal import Entry, Journal
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Client, open_session
from holdfast_loadtest.crowd.arrivals import CrowdPlan, run_crowd
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.offer import read_offer
from holdfast_loadtest.crowd.profiles import Pace
from holdfast_loadtest.crowd.tally import Tally
from holdfast_loadtest.observations.observer import Observer
from holdfast_loadtest.observations.record import RunRecord
from holdfast_loadtest.report.run_facts import RunFacts, write_facts
from holdfast_loadtest.report.thresholds import Thresholds
from holdfast_loadtest.wire import Sale

WORKER: Final = "w1"
QUICK: Final = Pace(
    arrival_window_s=1.0, late_window_s=0.5, look_s=0.05, pay_s=0.05, patience_s=30.0
)
RATE_PER_MINUTE: Final = 600
SETTINGS: Final = {
    "new_users_per_minute": RATE_PER_MINUTE,
    "burst": 3,
    "claim_window_seconds": 30,
    "first_hold_seconds": 60,
    "hold_seconds": 120,
}
GetsThrough = Callable[[int, bytes], bool]
"""Whether the message of this number gets through."""
Change = Callable[[], Awaitable[None]]


class ForwardingJournal(Journal):
    """Receipts go to the observer instead."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self._observer = observer

    def record(self, entry: Entry) -> None:
        self._observer.record(entry)


@dataclass
class LossyLink:
    """Takes a worker's messages to the record, or loses them."""

    record: RunRecord
    gets_through: GetsThrough
    sent: int = 0

    def send(self, message: bytes) -> None:
        self.sent += 1
        if self.gets_through(self.sent, message):
            self.record.take(WORKER, message)


@dataclass
class ObservedCrowd:
    """Sends crowds to one sale of a service."""

    service: ServiceOptions
    sale: str
    directory: Path

    async def make_sale(self, plan: object) -> None:
        prices = {category["name"]: 4_500 for category in plan["categories"]}  # type: ignore[index]
        body = {"name": self.sale, "prices": prices, "plan": plan, **SETTINGS}
        async with open_session() as session:
            shop = self.shop(self.service.client(session, self.sale))
            for method, route, sent in (("PUT", "", body), ("POST", "/open", None)):
                answer = await shop.write(method, route, sent)
                assert answer.ok, answer.body

    def shop(self, client: Client) -> ShopCalls:
        return ShopCalls(client, self.service.operator_key)

    async def change(self, **settings: object) -> None:
        """What an operator may do at any time."""
        async with open_session() as session:
            shop = self.shop(self.service.client(session, self.sale))
            answer = await shop.write("PATCH", "", settings)
            assert answer.ok, answer.body

    async def run(
        self,
        name: str,
        plan: CrowdPlan,
        *,
        thresholds: Thresholds | None = None,
        gets_through: GetsThrough = lambda number, message: True,
        meanwhile: Sequence[Change] = (),
        at_the_end: Callable[[Observer], None] = lambda observer: None,
    ) -> Path:
        """The files of a run, in which a worker's messages may be lost on the way.

        The first of `meanwhile` happens before the crowd comes, the others after it has gone.
        """
        directory = self.directory / name
        directory.mkdir()
        record = RunRecord(name, directory, time.time())
        record.expect(WORKER)
        observer = Observer(name, WORKER, LossyLink(record, gets_through).send)
        settings = await self._send_crowd(plan, observer, meanwhile)
        observer.flush()
        at_the_end(observer)
        observer.end()
        record.save(time.time())
        facts = RunFacts(
            run=name,
            scenario="planted",
            sale=self.sale,
            url=self.service.url,
            thresholds=thresholds or Thresholds(),
            settings=settings,
        )
        write_facts(facts, directory)
        return directory

    async def _send_crowd(
        self, plan: CrowdPlan, observer: Observer, meanwhile: Sequence[Change]
    ) -> Sale:
        """Sends a crowd and changes the sale before and after it; the settings before that."""
        async with open_session() as session:
            client = self.service.client(session, self.sale)
            shop = self.shop(client)
            settings = (await shop.read("")).read(Sale)
            context = CrowdContext(
                client,
                self.service.operator_key,
                await read_offer(shop),
                Tally(plan.visitors),
                ForwardingJournal(observer),
                observer=observer,
            )
            for change in meanwhile[:1]:
                await change()
            await run_crowd(plan, context)
            for change in meanwhile[1:]:
                await change()
        return settings
