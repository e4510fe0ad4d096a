"""The screens of the console, in the order of the navigation."""

from typing import Final

from holdfast_console.screen import Screen
from holdfast_console.screens import (
    draw,
    health,
    live_sale,
    log,
    look,
    new_sale,
    orders,
    report,
    sales,
    seats,
    visitors,
)

SCREENS: Final[tuple[Screen, ...]] = (
    sales.SCREEN,
    new_sale.SCREEN,
    health.SCREEN,
    log.SCREEN,
    live_sale.SCREEN,
    visitors.SCREEN,
    seats.SCREEN,
    orders.SCREEN,
    orders.EXPORT,
    orders.ORDER,
    look.SCREEN,
    look.PREVIEW,
    draw.SCREEN,
    log.SALE_SCREEN,
    report.SCREEN,
    report.EXPORT,
)
