"""Everything the audit looks at, read through the API at a moment when nothing changes.

The reading takes several requests, so it is bracketed: the seats before and after must be the
same, or all is read again. A sale that people are still buying from settles within a few
tries or the audit says that it did not. Lists are read to their end, page by page, with a named
maximum.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from holdfast_loadtest.audit.facts import cursor_of
from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Answer, ContractError, Unreachable
from holdfast_loadtest.wire import (
    Event,
    EventPage,
    Order,
    OrderPage,
    Plan,
    Sale,
    SeatMap,
    Status,
)

PAGE_SIZE: Final = 500
MAX_PAGES: Final = 4_000
MAX_READINGS: Final = 20
PAUSE_BETWEEN_READINGS_SECONDS: Final = 0.5
MAX_REFUSALS: Final = 30
GONE: Final = 410

P = TypeVar("P", OrderPage, EventPage)


class Unreadable(ContractError):
    """The API refused what the audit needs, or the sale never came to rest."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sale, as the API shows it, and what its visitors were told."""

    sale: Sale
    status: Status
    guids: tuple[str, ...]
    seat_map: SeatMap
    orders: tuple[Order, ...]
    events: tuple[Event, ...]
    journal: Journal = field(default_factory=Journal)


async def gather_evidence(
    shop: ShopCalls, journal: Journal | None = None, kept: Sequence[Event] = ()
) -> Evidence:
    """Reads until two looks at the seat map frame the same version. `kept` are events that were
    read before: only those after them are read.
    """
    plan = await _plan(shop)
    for _ in range(MAX_READINGS):
        before = (await _read(shop, "/seats")).read(SeatMap)
        orders = await _orders(shop)
        kept = events = await _events(shop, kept)
        after = (await _read(shop, "/seats")).read(SeatMap)
        # Sessions may end meanwhile, which moves the version but changes no seat.
        if before.states == after.states and before.areas == after.areas:
            return Evidence(
                sale=(await _read(shop, "")).read(Sale),
                status=(await _read(shop, "/status")).read(Status),
                guids=plan.guids(),
                seat_map=after,
                orders=tuple(orders),
                events=tuple(events),
                journal=Journal() if journal is None else journal,
            )
        await asyncio.sleep(PAUSE_BETWEEN_READINGS_SECONDS)
    raise Unreadable(f"the sale kept changing over {MAX_READINGS} readings")


async def gather_sale_documents(shop: ShopCalls) -> tuple[Sale, Plan, SeatMap]:
    """The sale, its plan, its seats: what a visitor's page would load."""
    sale = (await _read(shop, "")).read(Sale)
    seat_map = (await _read(shop, "/seats")).read(SeatMap)
    return sale, await _plan(shop), seat_map


async def _plan(shop: ShopCalls) -> Plan:
    """The seating plan; a sale of areas alone has an empty one."""
    answer = await _ask(shop, "/plan")
    if answer.status == 404:
        return Plan()
    _expect(answer, "/plan")
    return answer.read(Plan)


async def _orders(shop: ShopCalls) -> list[Order]:
    orders: list[Order] = []
    async for page in _pages(shop, "/orders", "cursor", OrderPage):
        orders.extend(page.items)
    return orders


async def _events(shop: ShopCalls, kept: Sequence[Event]) -> list[Event]:
    """All events of the sale; a store that was lost begins a new epoch, in which `kept` is not."""
    events = list(kept)
    after = str(cursor_of(kept[-1])) if kept else None
    if after is not None and (await _ask(shop, f"/events?limit=1&after={after}")).status == GONE:
        after = None
    async for page in _pages(shop, "/events", "after", EventPage, after):
        events.extend(page.items)
    if events and cursor_of(events[0]).seq != 1:
        raise Unreadable(f"events: the service keeps none before {cursor_of(events[0])}")
    return events


def read_events(path: Path) -> list[Event]:
    """The events that were kept during a run, up to a line that was cut short."""
    events: list[Event] = []
    decoder = msgspec.json.Decoder(Event)
    if path.exists():
        with path.open("rb") as file:
            events.extend(decoder.decode(line) for line in file if line.endswith(b"\n"))
    return events


async def _pages(
    shop: ShopCalls, route: str, parameter: str, kind: type[P], cursor: str | None = None
) -> AsyncIterator[P]:
    for _ in range(MAX_PAGES):
        after = "" if cursor is None else f"&{parameter}={cursor}"
        answer = await _ask(shop, f"{route}?limit={PAGE_SIZE}{after}", label=route)
        _expect(answer, route)
        page = answer.read(kind)
        yield page
        if page.next is None or not page.items:
            return
        cursor = page.next
    raise Unreadable(f"{route}: more than {MAX_PAGES} pages")


async def _read(shop: ShopCalls, route: str) -> Answer:
    answer = await _ask(shop, route)
    _expect(answer, route)
    return answer


async def _ask(shop: ShopCalls, route: str, label: str | None = None) -> Answer:
    """Reads a document; asks again, for a bounded time, while the service is busy or restarting."""
    for _ in range(MAX_REFUSALS):
        try:
            answer = await shop.read(route, label)
        except Unreachable:
            await asyncio.sleep(PAUSE_BETWEEN_READINGS_SECONDS)
            continue
        if answer.status not in {429, 503}:
            return answer
        await asyncio.sleep(answer.retry_after or PAUSE_BETWEEN_READINGS_SECONDS)
    raise Unreadable(f"{route}: no answer in {MAX_REFUSALS} tries")


def _expect(answer: Answer, route: str) -> None:
    if not answer.ok:
        problem = answer.problem()
        raise Unreadable(f"{route or 'the sale'}: {answer.status} {problem.code} {problem.detail}")
