"""A sale as it stands, for the simulator: its settings, its line and its stock."""

from holdfast.figures.stock import Stock
from holdfast.sales.sale import Sale
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.line import LineTerms
from holdfast_lua.calls.line_status import LineMode, LineStatus
from holdfast_simulator.rules.line import PaceTerms
from holdfast_simulator.running.sale import RunningSale, apportioned


def running_sale(sale: Sale, stock: Stock) -> RunningSale:
    """By the newest status and the newest map of the seats."""
    document, settings = sale.room.document, sale.room.settings
    return running_sale_of(
        document.line, settings.terms, sale.inventory.settings, stock, document.now_ms
    )


def running_sale_of(
    line: LineStatus, terms: LineTerms, settings: InventorySettings, stock: Stock, now_ms: int
) -> RunningSale:
    """The sale as a simulation takes it. Categories share the stock without what is set aside."""
    free_of, held_of = (
        apportioned(units, {name: one[state] for name, one in stock.categories.items()})
        for state, units in (("free", line.free), ("held", line.held))
    )
    visitors = line.free * terms.stock_permille // 1000
    return RunningSale(
        terms=PaceTerms(
            rate=max(1, line.rate_per_minute),
            burst=terms.burst,
            cap=line.cap,
            session_ms=terms.session_ms,
            claim_ms=terms.claim_ms,
            first_hold_ms=terms.first_hold_ms,
            stock_permille=terms.stock_permille,
            through=line.mode is LineMode.THROUGH,
        ),
        hold_ms=settings.hold_ms,
        hold_max_ms=settings.hold_max_ms,
        max_units=settings.max_units_per_buyer,
        free_of=free_of,
        held_of=held_of,
        booked=line.booked,
        waiting=line.waiting,
        outstanding=line.outstanding,
        deferred=min(line.deferred, line.outstanding),
        active=line.active,
        unheld=min(line.active, max(0, visitors - line.stock)),
        lapsed_holds=line.expired,
        share=line.show_share or 1.0,
        stays=line.stays,
        stays_ms=line.stays_ms,
        joinable=line.lifecycle == "live" and line.mode is not LineMode.REJECT,
        stopped=line.queue_all or line.rate_per_minute <= 0,
        ends_ms=line.ends_ms - now_ms if line.ends_ms else None,
    )
