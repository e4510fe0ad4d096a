"""`holdfast sale open|pause|resume|drain|close`: an operation, and what it means in words."""

from dataclasses import dataclass
from typing import Final

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.remote.consent import ask, yes_option
from holdfast.cli.sale.argument import sale_argument


@dataclass(frozen=True)
class Consequence:
    """What an operation of the lifecycle leads to, as an operator is told."""

    means: str
    undo: str = ""
    """the operation that takes it back; empty where nothing does"""
    warns: str = ""
    """what is asked before; empty where it is just done"""


CONSEQUENCES: Final = {
    "open": Consequence(
        "Visitors are called and admitted from now on; the start cannot be moved any more.", "pause"
    ),
    "pause": Consequence(
        "Nobody is called or admitted and nobody loses a place; those inside go on buying.",
        "resume",
    ),
    "resume": Consequence("Visitors are called and admitted again.", "pause"),
    "drain": Consequence(
        "Nobody can join any more; whoever is in line is served.",
        "open",
        "Nobody will be able to join {sale} any more; whoever is in line is served.",
    ),
    "close": Consequence(
        "Nobody joins, is admitted or holds any more; payments under way and refunds go on.",
        "",
        "Closing {sale} is final: whoever waits has waited in vain.",
    ),
}


def _run(service: RemoteService, sale: str, operation: str) -> None:
    done = service.api.call("POST", sale_path(sale, operation))
    service.show(done, described(done, operation))


def described(sale: Document, operation: str) -> str:
    """What has been done, what it means, and how it is undone."""
    consequence = CONSEQUENCES[operation]
    state = str(sale["state"]).replace("_", " ")
    lines = [f"{sale['sale']} is {state}. {consequence.means}"]
    if consequence.undo:
        lines.append(f"Undo: holdfast sale {consequence.undo} {sale['sale']}")
    return "\n".join(lines)


@click.command("open")
@sale_argument()
@remote_command
def open_sale(service: RemoteService, sale: str) -> None:
    """Open SALE now, whatever its start time says."""
    _run(service, sale, "open")


@click.command()
@sale_argument()
@remote_command
def pause(service: RemoteService, sale: str) -> None:
    """Call and admit nobody until it is resumed.

    Places and deadlines wait; holds, payments and those inside go on.
    """
    _run(service, sale, "pause")


@click.command()
@sale_argument()
@remote_command
def resume(service: RemoteService, sale: str) -> None:
    """Call and admit visitors again."""
    _run(service, sale, "resume")


@click.command()
@sale_argument()
@yes_option
@remote_command
def drain(service: RemoteService, sale: str, *, yes: bool) -> None:
    """Take no new visitors; whoever is in line is served.

    `holdfast sale open` lets visitors join again.
    """
    ask(CONSEQUENCES["drain"].warns.format(sale=sale), yes=yes)
    _run(service, sale, "drain")


@click.command()
@sale_argument()
@yes_option
@remote_command
def close(service: RemoteService, sale: str, *, yes: bool) -> None:
    """End SALE for good: nobody joins, is admitted or holds any more.

    Payments under way are confirmed, and orders can be refunded.
    """
    ask(CONSEQUENCES["close"].warns.format(sale=sale), yes=yes)
    _run(service, sale, "close")
