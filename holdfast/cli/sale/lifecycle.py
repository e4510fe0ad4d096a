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
        "Closing {sale} is final: nobody who waits will be called.",
    ),
}


def described(sale: Document, operation: str) -> str:
    """What has been done, what it means, and how it is undone."""
    consequence = CONSEQUENCES[operation]
    state = str(sale["state"]).replace("_", " ")
    lines = [f"{sale['sale']} is {state}. {consequence.means}"]
    if consequence.undo:
        lines.append(f"Undo: holdfast sale {consequence.undo} {sale['sale']}")
    return "\n".join(lines)


def _command(operation: str, text: str) -> click.Command:
    """The command of an operation, which asks first where the operation warns."""

    def run(service: RemoteService, sale: str, *, yes: bool = True) -> None:
        if warning := CONSEQUENCES[operation].warns:
            ask(warning.format(sale=sale), yes=yes)
        done = service.api.call("POST", sale_path(sale, operation))
        service.show(done, described(done, operation))

    asking = yes_option if CONSEQUENCES[operation].warns else (lambda command: command)
    return click.command(operation, help=text)(sale_argument()(asking(remote_command(run))))


open_sale = _command("open", "Open SALE now, whatever its start time says.")
pause = _command(
    "pause",
    "Call and admit nobody until it is resumed.\n\n"
    "Places and deadlines wait; holds, payments and those inside go on.",
)
resume = _command("resume", "Call and admit visitors again.")
drain = _command(
    "drain",
    "Take no new visitors; whoever is in line is served.\n\n"
    "`holdfast sale open` lets visitors join again.",
)
close = _command(
    "close",
    "End SALE for good: nobody joins, is admitted or holds any more.\n\n"
    "Payments under way are confirmed, and orders can be refunded.",
)
