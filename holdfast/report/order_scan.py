"""Reads the orders of a sale once and adds up its money and its tickets from three sources.

    payments    what was charged, less what was given back
    orders      the units that orders own, at the prices in the orders
    sold        the rows that forbid an oversell (`sold`, `area_sold`), at the prices of the sale

All three must agree, to the ticket and to the minor unit: they are written in one transaction, so a
difference is a change by hand, a restored backup or a bug. The store's own count is set beside
them. When anything was written meanwhile (`at_rest` is false) a difference proves nothing, and the
reporter reads again.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from holdfast.report.buckets import Buckets
from holdfast.report.checks import Check
from holdfast.report.digests import digest_of
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_ledger import Ledger, Order, OrderStatus

PAGE: Final = 200
"""orders at a time: a few milliseconds of decoding, between which other requests are served"""
SEATS_AT_ONCE: Final = 1_000
PAGES_MAX: Final = 50_000

OWNING: Final = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED)
PAID: Final = (*OWNING, OrderStatus.REFUNDED)
"""the orders that have once been sold"""


@dataclass
class Money:
    """Minor units; `owed` was paid for orders that got nothing and is to be given back."""

    confirmed: int = 0
    refunded: int = 0
    owed: int = 0

    @property
    def kept(self) -> int:
        return self.confirmed - self.refunded


@dataclass
class OrderScan:
    """What the scan has added up."""

    statuses: Counter[str] = field(default_factory=Counter)
    money: Money = field(default_factory=Money)
    refunds: Counter[str] = field(default_factory=Counter)
    """`orders`, `units` and `amount` of refunds"""
    sold: Counter[str] = field(default_factory=Counter)
    """units owned, by category"""
    given_back: Counter[str] = field(default_factory=Counter)
    """units refunded, by category"""
    owned_amount: int = 0
    sold_tickets: int = 0
    sold_amount: int = 0
    by_category: Buckets | None = None
    """units sold, less those given back, by category"""
    income: Buckets | None = None
    """money confirmed, less what was given back"""
    announced: int = 0
    """sum of the digests of all orders that were sold; see `digests`"""
    at_rest: bool = True
    first_ms: int = 0
    last_ms: int = 0
    owned_seats: Check = field(
        default_factory=lambda: Check("owned", "each ticket of an order is sold to it")
    )
    areas: Check = field(default_factory=lambda: Check("areas", "areas sold what their orders own"))
    payments: Check = field(
        default_factory=lambda: Check("payments", "each payment is the price of its tickets")
    )

    @property
    def paid_orders(self) -> int:
        """Orders that have once been sold."""
        return sum(self.statuses[status.value] for status in PAID)

    @property
    def owned_tickets(self) -> int:
        return self.sold.total()

    @property
    def checks(self) -> list[Check]:
        return [self.owned_seats, self.areas, self.payments]


@dataclass(frozen=True, slots=True)
class SaleBooks:
    """What the ledger has of one sale, with the plan and the prices to read it by."""

    ledger: Ledger
    uid: str
    plan: Plan
    settings: InventorySettings

    def price(self, seat: int) -> int:
        """What the seat costs by the settings of the sale."""
        return self.settings.price(self.plan.kind(seat).category)


async def scan_orders(books: SaleBooks) -> OrderScan:
    """Reads every order of the sale once, beside the rows that say what is sold."""
    found, ledger, uid = OrderScan(), books.ledger, books.uid
    before = await ledger.orders.progress(uid)
    areas: Counter[str] = Counter()
    async for orders in _pages(books):
        for order in orders:
            _count(found, order)
            if order.status in OWNING:
                areas.update(order.areas)
        owned = {
            seat: order.id for order in orders if order.status in OWNING for seat in order.seats
        }
        await _compare_seats(found, books, owned)
    await _compare_areas(found, books, areas)
    await _find_unowned(found, books)
    found.at_rest = before == await ledger.orders.progress(uid)
    return found


async def _pages(books: SaleBooks) -> AsyncIterator[list[Order]]:
    after: tuple[int, str] | None = None
    for _ in range(PAGES_MAX):
        orders = await books.ledger.orders.page(books.uid, limit=PAGE, after=after)
        if orders:
            yield orders
            after = (orders[-1].created_ms, orders[-1].id)
        if len(orders) < PAGE:
            return


def _count(found: OrderScan, order: Order) -> None:
    found.statuses[order.status.value] += 1
    found.first_ms = found.first_ms or order.created_ms
    if order.status is OrderStatus.LOST:
        found.money.owed += order.amount or 0
    if order.status not in PAID:
        return
    paid = order.total if order.amount is None else order.amount
    found.announced += digest_of(order.id)
    found.last_ms = max(found.last_ms, order.confirmed_ms or 0)
    found.money.confirmed += paid
    found.money.refunded += order.refunded_amount
    owned_amount = sum(item.price * item.owned for item in order.items)
    found.owned_amount += owned_amount
    found.payments.examined += 1
    if paid - order.refunded_amount != owned_amount:
        kept = f"{paid} paid less {order.refunded_amount} given back"
        found.payments.find(f"order {order.id}: {kept}, its tickets cost {owned_amount}")
    _count_refunds(found, order)
    _count_units(found, order, paid)


def _count_refunds(found: OrderScan, order: Order) -> None:
    if order.refunds:
        found.refunds["orders"] += 1
        found.refunds["units"] += sum(refund.units for refund in order.refunds)
        found.refunds["amount"] += order.refunded_amount


def _count_units(found: OrderScan, order: Order, paid: int) -> None:
    sold_ms = order.confirmed_ms or order.created_ms
    if found.by_category is None or found.income is None:
        found.by_category, found.income = Buckets(found.first_ms), Buckets(found.first_ms)
    found.income.add("", sold_ms, paid)
    for refund in order.refunds:
        found.income.add("", refund.at_ms, -refund.amount)
    # Which refund gave which item back is not kept: of several, the last is taken for the time.
    back_ms = order.refunds[-1].at_ms if order.refunds else 0
    for item in order.items:
        found.sold[item.category] += item.owned
        found.by_category.add(item.category, sold_ms, item.quantity)
        if item.refunded:
            found.given_back[item.category] += item.refunded
            found.by_category.add(item.category, back_ms, -item.refunded)


async def _compare_seats(found: OrderScan, books: SaleBooks, owned: dict[int, str]) -> None:
    seats = sorted(owned)
    for at in range(0, len(seats), SEATS_AT_ONCE):
        part = seats[at : at + SEATS_AT_ONCE]
        owners = await books.ledger.orders.owners_of(books.uid, part)
        for seat in part:
            owner = owners.get(seat)
            found.owned_seats.examined += 1
            if owner == owned[seat]:
                found.sold_tickets += 1
                found.sold_amount += books.price(seat)
            else:
                wrong = f"not sold, order {owned[seat]} owns it"
                if owner is not None:
                    wrong = f"sold to {owner}, order {owned[seat]} owns it too"
                found.owned_seats.find(f"seat {books.plan.guids[seat]} is {wrong}")


async def _compare_areas(found: OrderScan, books: SaleBooks, owned: Counter[str]) -> None:
    counted = await books.ledger.orders.area_units(books.uid)
    prices = {area.id: books.settings.price(area.category) for area in books.settings.areas}
    for area in sorted(counted.keys() | owned.keys()):
        units = counted.get(area, 0)
        found.areas.examined += 1
        found.sold_tickets += units
        found.sold_amount += units * prices.get(area, 0)
        if units != owned[area]:
            found.areas.find(f"area {area} has {units} sold, its orders own {owned[area]}")


async def _find_unowned(found: OrderScan, books: SaleBooks) -> None:
    """Finds seats that are sold to an order which does not own them: in memory, unless the count
    alone shows that there are none.
    """
    ledger, uid = books.ledger, books.uid
    area_units = sum((await ledger.orders.area_units(uid)).values())
    seats = await ledger.orders.sold_units(uid) - area_units
    if seats == found.owned_seats.examined - found.owned_seats.broken:
        return
    owned = {
        (seat, order.id)
        async for orders in _pages(books)
        for order in orders
        if order.status in OWNING
        for seat in order.seats
    }
    for seat, order_id in sorted((await ledger.orders.owners(uid)).items()):
        if (seat, order_id) not in owned:
            found.owned_seats.find(
                f"seat {books.plan.guids[seat]} is sold to {order_id}, which does not own it"
            )
            found.sold_tickets += 1
            found.sold_amount += books.price(seat)
