"""`holdfast orders list|show|refund|resolve` and the group that `export` belongs to."""

from typing import Any, Final
from uuid import uuid4

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.orders.export import export
from holdfast.cli.orders.filters import filter_options
from holdfast.cli.remote.command import EXIT_STATUSES, RemoteService, remote_command
from holdfast.cli.remote.consent import ask, yes_option
from holdfast.cli.remote.output import (
    limit_option,
    money,
    print_fields,
    print_items,
    print_json,
    print_table,
    when,
)
from holdfast.cli.sale.argument import sale_argument
from holdfast_web.exports.orders import things_of

COLUMNS: Final = ("id", "status", "created", "buyer", "order ref", "total", "refunded", "units")
FLAGGED_COLUMNS: Final = (*COLUMNS, "flags")


@click.group(epilog=EXIT_STATUSES)
def orders() -> None:
    """List, show, refund, resolve and export the orders of a sale."""


orders.add_command(export)


@orders.command("list")
@sale_argument()
@filter_options
@limit_option
@remote_command
def list_orders(service: RemoteService, sale: str, limit: int, **filters: str | None) -> None:
    """List orders of SALE in the order in which they were begun.

    \b
    Examples:
      holdfast orders list gala --status refund_required
      holdfast orders list gala --buyer customer-4711
      holdfast orders list gala --flag any
    """
    path = sale_path(sale, "orders")
    found = service.shop.items(path, filters, limit=limit)
    if service.as_json:
        print_items(found)
        return
    listed = list(found)
    if not listed:
        click.echo("There is no such order", err=True)
        return
    rows = [_row(order) for order in listed]
    if any(flags := [flags_of(order) for order in listed]):
        print_table(FLAGGED_COLUMNS, [(*row, flag) for row, flag in zip(rows, flags, strict=True)])
    else:
        print_table(COLUMNS, rows)
    if len(rows) == limit:
        click.echo(f"These are the first {limit:,}; --limit shows more, export all.", err=True)


def flags_of(order: Document) -> str:
    """The open flags of an abnormal order as one text; empty for others."""
    return ", ".join(order.get("flags", ()))


def _row(order: Document) -> tuple[Any, ...]:
    currency = order["currency"]
    return (
        order["id"],
        order["status"],
        when(order["created_at"]),
        order["buyer"],
        order["order_ref"],
        money(order["total"], currency),
        money(order["refunded_amount"], currency) if order["refunded_amount"] else None,
        things_of(order["items"]),
    )


@orders.command()
@sale_argument()
@click.argument("order_id", metavar="ORDER")
@remote_command
def show(service: RemoteService, sale: str, order_id: str) -> None:
    """Show the order ORDER of SALE with its items."""
    order = service.shop.get(sale_path(sale, "orders", order_id))
    if service.as_json:
        print_json(order)
    else:
        _print_order(order)


def _print_order(order: Document) -> None:
    currency = order["currency"]
    shown = {name: value for name, value in order.items() if name not in {"items", "currency"}}
    for name, value in shown.items():
        if name.endswith("_at"):
            shown[name] = when(value)
    if flags := flags_of(order):
        shown["flags"] = flags
    for name in ("amount", "total", "refunded_amount"):
        shown[name] = money(order[name], currency)
    print_fields(shown)
    print_table(
        ("item", "label", "category", "price", "quantity", "refunded"),
        [
            (
                item.get("seat", item.get("area")),
                item["label"],
                item["category"],
                money(item["price"], currency),
                item["quantity"],
                item["refunded"],
            )
            for item in order["items"]
        ],
    )


def _area(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[dict[str, Any]]:
    items = []
    for text in given:
        area, equals, quantity = text.rpartition("=")
        if not equals or not quantity.isdecimal() or int(quantity) < 1:
            raise click.BadParameter(f"{text!r}: write AREA=NUMBER, such as floor=2")
        items.append({"area": area, "quantity": int(quantity)})
    return items


@orders.command()
@sale_argument()
@click.argument("order_id", metavar="ORDER")
@click.option("--seat", "seats", multiple=True, help="A seat to give back; all without any.")
@click.option(
    "--area",
    "areas",
    multiple=True,
    metavar="AREA=NUMBER",
    callback=_area,
    help="Units of an area.",
)
@yes_option
@remote_command
def refund(
    service: RemoteService,
    sale: str,
    order_id: str,
    seats: tuple[str, ...],
    areas: list[dict[str, Any]],
    *,
    yes: bool,
) -> None:
    """Note that ORDER, or the items named, are refunded; their units are on sale again.

    The money itself is paid back by the shop's payment provider, not by Holdfast.

    \b
    Examples:
      holdfast orders refund gala 0f3c...
      holdfast orders refund gala 0f3c... --seat A-12 --area floor=1
    """
    items = [*({"seat": seat} for seat in seats), *areas]
    body = {"items": items} if items else {}
    what = things_of([{"quantity": 1, **item} for item in items]) or "all of it"
    ask(f"Order {order_id}: {what} will be on sale again.", yes=yes)
    path = sale_path(sale, "orders", order_id, "refund")
    done = service.shop.call("POST", path, body, idempotency_key=uuid4().hex)
    paid = money(done["refunded_amount"], done["currency"])
    service.show(done, f"{order_id} is {done['status']}: {paid} of it is to be paid back in all")


@orders.command()
@sale_argument()
@click.argument("order_id", metavar="ORDER")
@click.option("--note", help="What was done about it; the audit keeps it.")
@yes_option
@remote_command
def resolve(
    service: RemoteService, sale: str, order_id: str, note: str | None, *, yes: bool
) -> None:
    """Take ORDER from the list of abnormal ones, for good.

    Nothing else about the order changes: what is to be paid back or looked into is done before.

    \b
    Examples:
      holdfast orders list gala --flag any
      holdfast orders resolve gala 0f3c... --note 'The bank has paid the buyer back.'
    """
    ask(f"The flags of order {order_id} will be gone.", yes=yes)
    body = {} if note is None else {"note": note}
    done = service.api.call("POST", sale_path(sale, "orders", order_id, "resolve"), body)
    service.show(done, f"{order_id} is resolved: {done['status']}, and no longer flagged")
