"""Puts the parts of a report together, and makes each report once for all who want it."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from holdfast.report.buckets import Buckets
from holdfast.report.checks import Check, overall
from holdfast.report.draw_check import check_draw
from holdfast.report.event_scan import NOT_WHOLE, EventScan, event_pages, scan_events
from holdfast.report.order_scan import OrderScan, SaleBooks, scan_orders
from holdfast.report.refused_holds import COLLISIONS, hold_outcomes
from holdfast.report.sale_history import SaleHistory
from holdfast.report.waits import (
    SHARES,
    JoinWait,
    join_waits,
    promise_error,
    quantile,
    wait_rows,
)
from holdfast.sales.sale import Sale
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_ledger import Ledger
from holdfast_metrics.metrics import Metrics
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.timestamps import optional_timestamp, timestamp

KEPT_SECONDS: Final = 5.0
KEPT_REPORTS: Final = 8
REPORTS_AT_ONCE: Final = 2
REPORT_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 10
READINGS_MAX: Final = 4
PAUSE_SECONDS: Final = 0.3

ReadHistory = Callable[[Sale], Awaitable[SaleHistory | None]]


@dataclass(frozen=True)
class Reporter:
    """Makes the reports of a process: REPORTS_AT_ONCE at a time, of a sale one.

    None takes, or waits for, longer than `seconds`, and a long one leaves room for another sale's.
    """

    ledger: Ledger
    metrics: Metrics
    read_history: ReadHistory
    seconds: float = REPORT_SECONDS
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REPORTS_AT_ONCE))
    _making: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _made: OrderedDict[str, tuple[float, dict[str, object]]] = field(default_factory=OrderedDict)

    async def report(self, sale: Sale) -> dict[str, object]:
        """The report as JSON values; one that is a few seconds old is given again. 503 `overloaded`
        when there is none after `seconds`.
        """
        making = self._making.setdefault(sale.uid, asyncio.Lock())
        try:
            async with asyncio.timeout(self.seconds), making:
                return await self._kept_or_made(sale)
        except TimeoutError:
            raise HoldfastError(
                ErrorCode.OVERLOADED,
                "The report could not be made in time.",
                retry_after=RETRY_SECONDS,
            ) from None

    async def _kept_or_made(self, sale: Sale) -> dict[str, object]:
        clock = asyncio.get_running_loop().time
        made = self._made.get(sale.uid)
        if made is None or clock() - made[0] > KEPT_SECONDS:
            async with self._room:
                document = await self._make(sale)
            self._made[sale.uid] = made = (clock(), document)
            while len(self._made) > KEPT_REPORTS:
                self._made.popitem(last=False)
        return made[1]

    async def _make(self, sale: Sale) -> dict[str, object]:
        """Reads until nothing is written meanwhile, or the sale goes on for good."""
        inventory = sale.inventory
        for _ in range(READINGS_MAX):
            await sale.room.tick()
            line = sale.room.document.line
            books = SaleBooks(self.ledger, sale.uid, inventory.plan, inventory.settings)
            orders = await scan_orders(books)
            events = await scan_events(event_pages(inventory), line.gaps)
            compared = _across(orders, events, line.booked)
            if orders.at_rest and not any(check.broken for check in compared):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        outcomes = await asyncio.to_thread(hold_outcomes, self.metrics, sale.name)
        draw = await asyncio.to_thread(check_draw, sale.room.lobby.facts(line))
        history = await self.read_history(sale)
        return _document(_Parts(sale, orders, events, compared, outcomes, draw, history))


@dataclass(frozen=True)
class _Parts:
    """What a report is made of."""

    sale: Sale
    orders: OrderScan
    events: EventScan
    compared: list[Check]
    outcomes: Mapping[str, int]
    draw: Check
    history: SaleHistory | None


def _across(orders: OrderScan, events: EventScan, booked: int) -> list[Check]:
    """Compares the scans with each other and with the store's own count."""
    told = Check(
        "events", "orders in the events = orders in the ledger", examined=orders.paid_orders
    )
    if not events.whole:
        told.skip(NOT_WHOLE)
    elif orders.announced != events.announced:
        count = events.counts["order.confirmed"]
        told.find(f"the events tell of {count} orders, the ledger of {orders.paid_orders}")
    store = Check("store", "sold in the ledger = booked in the store", examined=orders.sold_tickets)
    if booked != orders.sold_tickets:
        store.find(f"the ledger has sold {orders.sold_tickets}, the store has booked {booked}")
    return [*_three_ways(orders), told, store]


def _three_ways(orders: OrderScan) -> list[Check]:
    money = Check(
        "money", "payments = orders = sold tickets, in money", examined=orders.paid_orders
    )
    amounts = (orders.money.kept, orders.owned_amount, orders.sold_amount)
    if len(set(amounts)) > 1:
        money.find("payments {}, orders {}, sold tickets {} in minor units".format(*amounts))
    tickets = Check("tickets", "orders = sold tickets, in tickets", examined=orders.owned_tickets)
    if orders.owned_tickets != orders.sold_tickets:
        tickets.find(f"orders own {orders.owned_tickets}, sold are {orders.sold_tickets}")
    return [money, tickets]


def _document(parts: _Parts) -> dict[str, object]:
    sale, orders, events = parts.sale, parts.orders, parts.events
    checks = [*parts.compared, *orders.checks, *events.checks]
    waits = _join_waits(parts)
    return {
        "sale": sale.name,
        "uid": sale.uid,
        "name": sale.spec.name,
        "test": sale.spec.test,
        "currency": sale.spec.currency,
        "time": timestamp(sale.room.document.now_ms),
        "state": sale.room.document.state.value,
        "lifecycle": sale.room.document.line.lifecycle,
        "at_rest": orders.at_rest,
        "period": _period(parts),
        "funnel": _funnel(parts),
        "line": _line(parts),
        "waits": _waits(waits),
        "history": None if parts.history is None else parts.history.members(),
        "stock": _stock(parts),
        "holds": _holds(parts),
        "revenue": {
            **asdict(orders.money),
            "kept": orders.money.kept,
            "over_time": _over_time(orders.income),
        },
        "refunds": {name: orders.refunds[name] for name in ("orders", "units", "amount")},
        "orders": dict(sorted(orders.statuses.items())),
        "comparison": _comparison(parts),
        "audit": {"verdict": overall(checks).value, "checks": checks},
        "draw": {"verdict": parts.draw.state.value, "check": parts.draw},
        "missing": _missing(parts, waits),
    }


def _period(parts: _Parts) -> dict[str, str | None]:
    line, orders = parts.sale.room.document.line, parts.orders
    return {
        "opened_at": optional_timestamp(line.closed_ms or line.opens_ms),
        "first_order_at": optional_timestamp(orders.first_ms),
        "last_confirmed_at": optional_timestamp(orders.last_ms),
        "sold_out_at": optional_timestamp(parts.events.sold_out_ms),
    }


def _funnel(parts: _Parts) -> dict[str, int]:
    """People up to `admitted`, orders from `paying` on; `held` counts holds."""
    line, orders = parts.sale.room.document.line, parts.orders
    return {
        "joined": line.issued - line.missing(0, line.issued),
        "called": line.called,
        "admitted": line.admitted,
        "held": parts.events.counts["hold.created"],
        "paying": orders.statuses.total(),
        "confirmed": orders.paid_orders,
    }


def _line(parts: _Parts) -> dict[str, object]:
    line = parts.sale.room.document.line
    return {
        "waiting": line.waiting,
        "called": line.called,
        "lapsed": line.lapsed,
        "unused_sessions": line.unused,
        "passes_ended": dict(sorted(parts.events.ended.items())),
    }


def _join_waits(parts: _Parts) -> list[JoinWait]:
    """The waits by the calls in the events; where those are not whole, by the history's coarser
    ones.
    """
    history, line = parts.history, parts.sale.room.document.line
    if history is None:
        return []
    calls = parts.events.calls if parts.events.whole else history.calls()
    return join_waits(history, calls, line.closed_ms)


def _waits(waits: list[JoinWait]) -> dict[str, object]:
    return {
        "p50_seconds": quantile(waits, SHARES[0]),
        "p90_seconds": quantile(waits, SHARES[1]),
        "longest_seconds": max((wait.seconds for wait in waits), default=None),
        "promise_error_seconds": promise_error(waits),
        "rows": [
            {
                "joined_at": timestamp(row.joined_ms),
                "visitors": row.visitors,
                "p50_seconds": row.p50,
                "p90_seconds": row.p90,
                "promised_seconds": row.promised,
            }
            for row in wait_rows(waits)
        ],
    }


def _stock(parts: _Parts) -> dict[str, object]:
    inventory, orders = parts.sale.inventory, parts.orders
    totals = units_by_category(inventory.plan, inventory.settings)
    return {
        "total": totals.total(),
        "sold": orders.sold_tickets,
        "categories": [
            {
                "category": category,
                "total": total,
                "sold": orders.sold[category],
                "refunded": orders.given_back[category],
            }
            for category, total in sorted(totals.items())
        ],
        "sold_over_time": _over_time(orders.by_category),
    }


def units_by_category(plan: Plan, settings: InventorySettings) -> Counter[str]:
    """Seats and area units of each category."""
    totals = +Counter(plan.category_seats())
    for area in settings.areas:
        totals[area.category] += area.capacity
    return totals


def _over_time(buckets: Buckets | None) -> dict[str, object] | None:
    """Totals at the end of each step."""
    if buckets is None:
        return None
    return {
        "start": timestamp(buckets.start_ms),
        "step_seconds": buckets.step_ms / 1000,
        "series": buckets.running(),
    }


def _holds(parts: _Parts) -> dict[str, object]:
    counts = parts.events.counts
    refused = {
        code: times
        for code, times in sorted(parts.outcomes.items())
        if code not in {"created", "again", "released", "extended"}
    }
    return {
        "made": counts["hold.created"],
        "extended": counts["hold.extended"],
        "released": counts["hold.released"],
        "expired": counts["hold.expired"],
        "reacquired": counts["hold.reacquired"],
        "collisions": sum(refused.get(code, 0) for code in COLLISIONS),
        "refused": refused,
    }


def _comparison(parts: _Parts) -> dict[str, object]:
    orders, line = parts.orders, parts.sale.room.document.line
    broken = any(check.broken for check in (*parts.compared, *orders.checks))
    return {
        "agree": not broken,
        "payments": {"orders": orders.paid_orders, "amount": orders.money.kept},
        "orders": {"tickets": orders.owned_tickets, "amount": orders.owned_amount},
        "sold": {"tickets": orders.sold_tickets, "amount": orders.sold_amount},
        "store": {"tickets": line.booked},
        "money": asdict(orders.money),
    }


MISSING: Final = {
    "moving": "The sale goes on: orders were written while they were read.",
    "events": (
        "The store no longer has all events: holds, sessions and the sell-out are of those that are"
        " left; some checks cannot be told."
    ),
    "history": "No history of the line was kept: waits and rates cannot be told.",
    "joins": "The history of the line does not reach back to its joins: waits cannot be told.",
    "collisions": "This node has counted no holds since its start: collisions cannot be told.",
}
"""What a report may be unable to say, and why."""


def _missing(parts: _Parts, waits: list[JoinWait]) -> list[dict[str, str]]:
    line = parts.sale.room.document.line
    lacking = {
        "moving": not parts.orders.at_rest,
        "events": not parts.events.whole,
        "history": parts.history is None,
        "joins": parts.history is not None and not waits and line.called > 0,
        "collisions": not parts.outcomes,
    }
    return [{"code": code, "detail": MISSING[code]} for code, lacks in lacking.items() if lacks]
