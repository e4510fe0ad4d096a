"""The options by which orders are chosen, alike for listing and exporting."""

from collections.abc import Callable
from functools import reduce
from typing import Any, Final

import click

FILTERS: Final = (
    click.option("--status", help="Only those in this status, such as confirmed."),
    click.option("--buyer", help="Only those of this buyer."),
    click.option("--order-ref", help="Only those with this reference of the shop."),
    click.option("--payment-ref", help="Only those with this reference of the payment."),
    click.option("--flag", help="Only abnormal ones: any, or one flag, such as paid_late."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command."""
    return reduce(lambda made, option: option(made), reversed(FILTERS), command)
