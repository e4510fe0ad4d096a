"""A draw as it was published, what somebody knows of it beside that, and what a check has found."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import click
import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Start(msgspec.Struct, frozen=True):
    """A start, and when it was announced."""

    announced_at: Moment
    start: Moment | None = None


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
    committed_at: Moment | None = None
    starts: tuple[Start, ...] = ()
    closed_at: Moment | None = None
    sealed_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What the verifier knows from elsewhere: noted in the lobby, read at the beacon, or shown."""

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
    """What was compared with something from outside, what was not, and what is for a person."""

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    judge: list[str] = field(default_factory=list)
    order_checked: bool = False


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


def shown(moment: datetime | None) -> str:
    """A moment for people."""
    return "not told" if moment is None else moment.isoformat(timespec="milliseconds")


def step(number: int, text: str) -> None:
    """The headline of a step."""
    click.secho(f"{number} {text}", bold=True)


def note(name: str, value: str | None) -> None:
    """A value that a step uses or computes."""
    click.echo(f"    {name}: {value}")
