"""`holdfast verify-draw`: recompute a draw from what the sale has published, and nothing else.

It needs no access to the service beyond its public `GET /draw`, or a file in which somebody saved
that. Whoever does not want to trust this program either can write their own from docs/draw.md.
"""

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import msgspec

from holdfast_queue.draw import ALGORITHM, SECRET_BYTES, Sealed, commit, draw_key
from holdfast_queue.order import DrawnOrder, fingerprint

MAX_ANSWER_BYTES: Final = 65_536
TIMEOUT_SECONDS: Final = 10.0
WHOLE_ORDER_MAX: Final = 2_000_000


class Published(msgspec.Struct, frozen=True):
    """The answer of `GET /v1/sales/{sale}/draw`."""

    method: str
    algorithm: str | None = None
    commitment: str | None = None
    secret: str | None = None
    entrants: int | None = None
    accumulator: str | None = None
    beacon: str | None = None
    beacon_source: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What the verifier knows from elsewhere: noted in the lobby, read at the beacon, or shown."""

    commitment: str | None
    beacon: str | None
    index: int | None
    number: int | None


class DrawFails(click.ClickException):
    """A step found what must not be."""

    exit_code = 1

    def format_message(self) -> str:
        return f"the draw does NOT hold. {self.message}"


class NothingToTell(click.ClickException):
    """There is no drawn order, or none that this program knows."""

    exit_code = 3

    def format_message(self) -> str:
        return f"nothing can be told. {self.message}"


@click.command("verify-draw")
@click.argument("source")
@click.option("--index", type=click.IntRange(min=0), help="Lobby index of one ticket, from 0.")
@click.option("--number", type=click.IntRange(min=1), help="The number that this ticket was shown.")
@click.option("--commitment", help="The commitment as you noted it before the open.")
@click.option("--beacon", help="The beacon's value as you read it at its public source.")
@click.option(
    "--whole/--no-whole",
    default=None,
    help=f"Compute the whole order (default: up to {WHOLE_ORDER_MAX:,} entrants).",
)
def verify_draw(source: str, whole: bool | None, **told: int | str | None) -> None:
    """Check a drawn order from its published values alone.

    SOURCE is the address of a sale (or of its draw), a file in which its draw was saved, or - for
    standard input. Nobody's permission is needed, and nothing is taken from the service but what
    it publishes.

    \b
    Examples:
      holdfast verify-draw https://queue.example/v1/sales/gala
      holdfast verify-draw https://queue.example/v1/sales/gala --index 41 --number 1203
      curl -s https://queue.example/v1/sales/gala/draw > draw.json   # in the lobby, then after
      holdfast verify-draw draw.json --commitment 9f1c...            # the one of the first file

    \b
    What the steps prove, together:
      1 the secret is the one committed to before anybody joined
      2 the key follows from secret, entrants, accumulator and beacon, so nobody chose it later
      3 the order is one-to-one: each place has one number, each number one place
      4 the ticket's number is the one that its lobby index has drawn
    Step 1 is worth most with a --commitment that you noted yourself, step 2 with a --beacon that
    you read yourself. docs/draw.md tells what remains to be trusted.

    \b
    Exit status: 0 everything holds, 1 something does not, 2 wrong usage,
    3 nothing can be told yet (the order is not drawn, or the sale keeps the order of arrival).
    """
    claims = msgspec.convert(told, Claims)
    if claims.number is not None and claims.index is None:
        raise click.UsageError("--number needs the --index that it belongs to")
    published = _read(source)
    order = _check_values(published, claims)
    _check_order(order, whole)
    _check_ticket(order, claims)
    click.secho("The draw holds.", bold=True)


def _read(source: str) -> Published:
    try:
        return msgspec.json.decode(_bytes_of(source), type=Published)
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


def _check_values(published: Published, claims: Claims) -> DrawnOrder:
    """The steps that lead to the order."""
    if published.method != "random":
        raise NothingToTell(f"The queueing method is {published.method}: nothing is drawn.")
    if published.algorithm not in {None, ALGORITHM}:
        raise NothingToTell(
            f"The algorithm is {published.algorithm}; this program knows {ALGORITHM}."
        )
    if published.secret is None or published.accumulator is None or published.entrants is None:
        click.echo(f"The commitment is {published.commitment}. Note it: you can compare it later.")
        raise NothingToTell("The order is not drawn yet: the secret is revealed at the open.")
    secret = _secret_of(published.secret)
    _check_commitment(published, claims, secret)
    return _check_key(published, claims, secret)


def _check_commitment(published: Published, claims: Claims, secret: bytes) -> None:
    computed = commit(secret)
    _step(1, "The secret is the one that was committed to.")
    _note("secret", published.secret)
    _note("H(secret)", computed)
    _note("commitment, as published", published.commitment)
    if computed != published.commitment:
        raise DrawFails("The secret is not the one that was committed to.")
    if claims.commitment is None:
        _note("commitment, as you noted it", "not given: a --commitment of your own proves more")
    elif claims.commitment.lower() != computed:
        raise DrawFails(f"You noted another commitment: {claims.commitment}.")
    else:
        _note("commitment, as you noted it", "the same")


def _check_key(published: Published, claims: Claims, secret: bytes) -> DrawnOrder:
    _step(2, "The key follows from secret, entrants, accumulator and beacon.")
    entrants, accumulator = published.entrants or 0, published.accumulator or ""
    _note("entrants", f"{entrants:,}")
    _note("accumulator", accumulator)
    _note("beacon", _beacon_text(published))
    if claims.beacon is not None and claims.beacon != published.beacon:
        raise DrawFails(f"You read another beacon: {claims.beacon}.")
    if published.beacon_source and entrants and published.beacon is None:
        raise DrawFails("A beacon was announced, and the order was drawn without it.")
    try:
        key = draw_key(secret, Sealed(entrants, accumulator, published.beacon))
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"entrants or accumulator cannot be read: {error}") from error
    _note("key", key.hex())
    return DrawnOrder(key, entrants)


def _check_order(order: DrawnOrder, whole: bool | None) -> None:
    _step(3, "The order is one-to-one.")
    if whole is None:
        whole = order.size <= WHOLE_ORDER_MAX
    if not whole:
        _note("skipped", "--whole computes all of it, about two seconds for each million")
        return
    drawn = bytearray(order.size)
    _note("fingerprint of all numbers", fingerprint(_ticked(order, drawn)))
    missing = drawn.count(0)
    if missing:
        raise DrawFails(f"{missing:,} numbers are nobody's: the order is not one-to-one.")
    _note("numbers", f"each of 1 to {order.size:,} belongs to one lobby index")


def _ticked(order: DrawnOrder, drawn: bytearray) -> Iterator[int]:
    """The numbers by index, each ticked off."""
    for number in order.numbers():
        drawn[number - 1] = 1
        yield number


def _check_ticket(order: DrawnOrder, claims: Claims) -> None:
    if claims.index is None:
        return
    _step(4, f"The ticket with lobby index {claims.index:,}.")
    if claims.index >= order.size:
        raise DrawFails(f"The lobby had {order.size:,} places, from index 0: this is none of them.")
    number = order.number_of(claims.index)
    _note("number", f"{number:,} of {order.size:,}")
    if claims.number is not None and claims.number != number:
        raise DrawFails(f"The ticket was shown the number {claims.number:,}.")


def _secret_of(text: str) -> bytes:
    try:
        secret = bytes.fromhex(text)
    except ValueError as error:
        raise click.UsageError(f"the secret cannot be read: {error}") from error
    if len(secret) != SECRET_BYTES:
        raise click.UsageError(f"the secret must have {SECRET_BYTES} bytes")
    return secret


def _beacon_text(published: Published) -> str:
    if published.beacon_source is None:
        return "none was announced: what that leaves to trust is in docs/draw.md"
    value = "none, since the lobby was empty" if published.beacon is None else published.beacon
    return f"{value} (announced as: {published.beacon_source})"


def _step(number: int, text: str) -> None:
    click.secho(f"{number} {text}", bold=True)


def _note(name: str, value: str | None) -> None:
    click.echo(f"    {name}: {value}")
