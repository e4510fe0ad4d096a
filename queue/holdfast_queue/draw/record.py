"""A published draw, the values that a verifier brings along, and the findings of a check."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import click
import msgspec

from holdfast_web.timestamps import timestamp, unix_ms

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Start(msgspec.Struct, frozen=True):
    """A start, and when it was announced."""

    announced_at: Moment
    start: Moment | None = None


class Published(msgspec.Struct, frozen=True):
    """The response to `GET /v1/sales/{sale}/draw`."""

    method: str
    algorithm: str | None = None
    commitment: str | None = None
    secret: str | None = None
    entrants: int | None = None
    accumulator: str | None = None
    beacon: str | None = None
    beacon_source: str | None = None
    committed_at: Moment | None = None
    starts: tuple[Start, ...] = ()
    closed_at: Moment | None = None
    sealed_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class KnownValues:
    """Values that the verifier has from elsewhere: noted in the lobby, read at the beacon, or
    shown.
    """

    commitment: str | None
    start: datetime | None
    closed: datetime | None
    beacon: str | None
    beacon_at: datetime | None
    index: int | None
    number: int | None
    fingerprint: str | None


@dataclass(slots=True)
class Findings:
    """What was compared with values from elsewhere, what was not, and what a person has to
    judge.
    """

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    judge: list[str] = field(default_factory=list)
    order_checked: bool = False


class DrawFails(click.ClickException):
    """A step of the check has found a contradiction."""

    exit_code = 1

    def format_message(self) -> str:
        return f"the draw does NOT hold. {self.message}"


class CannotVerify(click.ClickException):
    """There is no drawn order, or one of an algorithm that this program does not know."""

    exit_code = 3

    def format_message(self) -> str:
        return f"nothing can be told. {self.message}"


def shown(moment: datetime | None) -> str:
    """`moment` as text for people."""
    return "not told" if moment is None else timestamp(unix_ms(moment))


def step(number: int, text: str) -> None:
    """Prints the headline of a step."""
    click.secho(f"{number} {text}", bold=True)


def note(name: str, value: str | None) -> None:
    """Prints a value that a step uses or computes."""
    click.echo(f"    {name}: {value}")
