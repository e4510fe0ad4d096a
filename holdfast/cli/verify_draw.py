"""`holdfast verify-draw`: recomputes a draw from what the sale has published, and nothing else.

It reads the public `GET /draw`, or a file in which somebody saved that. docs/draw.md says enough to
write another program that does the same.
"""

import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from holdfast_queue.draw.record import Findings, KnownValues, Moment, Published
from holdfast_queue.draw.verification import WHOLE_ORDER_MAX, check_draw

MAX_ANSWER_BYTES: Final = 65_536
TIMEOUT_SECONDS: Final = 10.0
ORDER_UNCHECKED: Final = 4
_decode: Final = msgspec.json.Decoder(Published).decode


class _Time(click.ParamType[datetime]):
    """A moment as the service writes it."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return msgspec.convert(value, Moment)
        except msgspec.ValidationError:
            self.fail(f"{value!r} is no time with a zone, as in 2026-05-01T10:00:00Z", param, ctx)


@click.command("verify-draw")
@click.argument("source")
@click.option("--index", type=click.IntRange(min=0), help="Lobby index of one ticket, from 0.")
@click.option("--number", type=click.IntRange(min=1), help="The number that this ticket was shown.")
@click.option("--fingerprint", help="The fingerprint that somebody else computed.")
@click.option("--commitment", help="The commitment as you noted it before the open.")
@click.option("--start", type=_Time(), help="The start as you noted it before the open.")
@click.option("--closed", type=_Time(), help="When you saw the lobby close, by your own clock.")
@click.option("--beacon", help="The beacon's value as you read it at its public source.")
@click.option("--beacon-at", type=_Time(), help="When its source published that value.")
@click.option(
    "--whole/--no-whole",
    default=None,
    help=f"Compute the whole order (default: up to {WHOLE_ORDER_MAX:,} entrants).",
)
def verify_draw(source: str, whole: bool | None, **told: object) -> None:
    """Check a drawn order from its published values, and from what you know of your own.

    SOURCE is the address of a sale (or of its draw), a file in which its draw was saved, or - for
    standard input. Nobody's permission is needed, and nothing is taken from the service but what
    it publishes.

    \b
    Examples:
      holdfast verify-draw https://queue.example/v1/sales/gala --index 41 --number 1203
      curl -s https://queue.example/v1/sales/gala/draw > draw.json   # in the lobby, then after
      holdfast verify-draw draw.json --index 41 --number 1203 \\
          --commitment 9f1c... --start 2026-05-01T10:00:00Z          # of the first file

    \b
    What the steps prove, together:
      1 the secret, the announced start and the beacon's source are those committed to
      2 the key follows from these, entrants, accumulator and beacon, so nobody chose it later
      3 the order is one-to-one: each place has one number, each number one place
      4 the ticket's number is the one that its lobby index has drawn
      5 the times fit together, and fit what you saw
    Values of one record that agree with each other prove nothing alone. What was compared with
    something of your own is listed as CHECKED, the rest as NOT CHECKED, and what only a person can
    weigh as TO JUDGE. docs/draw.md tells what remains to be trusted.

    \b
    Exit status:
      0 all that was checked holds, and a ticket or a fingerprint was compared with the order
      1 something does not hold
      2 wrong usage, or values that cannot be read
      3 nothing can be told yet (not drawn, or the sale keeps the order of arrival)
      4 nothing contradicts, but the order was compared with nothing: no --number, no --fingerprint
    """
    known = msgspec.convert(told, KnownValues)
    if known.number is not None and known.index is None:
        raise click.UsageError("--number needs the --index that it belongs to")
    if known.fingerprint is not None and whole is False:
        raise click.UsageError("--fingerprint is of the whole order")
    findings = check_draw(_read(source), known, whole)
    _print(findings)
    if not findings.order_checked:
        click.secho("Nothing contradicts. Whether the draw holds is NOT known.", bold=True)
        raise click.exceptions.Exit(ORDER_UNCHECKED)
    click.secho("The draw holds.", bold=True)


def _print(findings: Findings) -> None:
    for title, lines in (
        ("CHECKED", findings.checked),
        ("NOT CHECKED", findings.unchecked),
        ("TO JUDGE", findings.judge),
    ):
        if lines:
            click.secho(title, bold=True)
        for line in lines:
            click.echo(f"    {line}")


def _read(source: str) -> Published:
    try:
        return _decode(_bytes_of(source))
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise click.UsageError(f"{source} cannot be read: {reason}") from error


def _bytes_of(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(MAX_ANSWER_BYTES)
    if not source.startswith(("http://", "https://")):
        with Path(source).open("rb") as file:
            return file.read(MAX_ANSWER_BYTES)
    address = source.rstrip("/")
    if not address.endswith("/draw"):
        address += "/draw"
    # Nothing but http and https comes here, which is what S310 is about.
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        body: bytes = answer.read(MAX_ANSWER_BYTES)
    return body
