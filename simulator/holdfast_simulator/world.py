"""The world of a simulation: arrivals, the sale with its settings, and its buyers, from TOML.

One file is both a world of the simulator and, with more tables, a scenario of the load test
(`holdfast_loadtest.scenarios`). Settings have the names, defaults and bounds of docs/api.md. What
cannot be read raises `InvalidWorld`, whose message begins with the field as the file writes it.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from holdfast_simulator.arrivals import MAX_SECONDS, Arrivals, InvalidArrivals, Ratio

MAX_FILE_BYTES: Final = 64 * 1024**2
MAX_UNITS: Final = 10_000_000
MAX_GROUP: Final = 1_000
USUAL_GROUPS: Final = {1: 22, 2: 45, 3: 10, 4: 15, 5: 3, 6: 5}

QueueingMethod = Literal["fifo", "random", "passthrough"]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=int(MAX_SECONDS))]
Units = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNITS)]
Price = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Size = Annotated[int, msgspec.Meta(ge=1, le=MAX_GROUP)]

AnyWorld = TypeVar("AnyWorld", bound="World")
_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<place>.*?)`)?\Z", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`\Z")
_MISSING: Final = re.compile(r"Object missing required field `(.*)`\Z")


class InvalidWorld(ValueError):
    """A world that cannot be read; `field` is its place in the file, empty for the whole."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.field = field
        self.detail = detail


class Duration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long people take: a lognormal distribution with this mean, in seconds.

    `spread` is the standard deviation of its logarithm: 0 for always the same, 0.5 for people who
    mostly take between half and twice as long as usual.
    """

    mean: Annotated[float, msgspec.Meta(ge=0, le=MAX_SECONDS)]
    spread: Annotated[float, msgspec.Meta(ge=0, le=3)] = 0.5

    def draws(self, random: Random) -> Callable[[], float]:
        """Draws the seconds of one person after the other."""
        if self.spread == 0 or self.mean == 0:
            return lambda: self.mean
        median, spread = math.log(self.mean) - self.spread**2 / 2, self.spread
        normal = random.normalvariate
        return lambda: math.exp(normal(median, spread))

    def draw(self, random: Random) -> float:
        """Draws the seconds of one person."""
        return self.draws(random)()


class SaleWorld(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sale: its stock, and its settings by the names of docs/api.md.

    `areas` are units by the area's id, which is its category as well. `seats` are seats by
    category; with `plan`, a seating plan's file, they are counted there.
    """

    areas: dict[str, Units] = {}
    seats: dict[str, Units] = {}
    plan: str | None = None
    prices: dict[str, Price] = {}
    queueing_method: QueueingMethod = "fifo"
    new_users_per_minute: Annotated[int, msgspec.Meta(ge=1, le=6_000_000)] = 600
    burst: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20
    total_active_users: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 1000
    session_duration: Annotated[int, msgspec.Meta(ge=1, le=24 * 60)] = 15
    session_max_minutes: Annotated[int, msgspec.Meta(ge=1, le=int(MAX_SECONDS) // 60)] = 60
    claim_window_seconds: Seconds = 120
    first_hold_seconds: Seconds = 180
    stock_factor: Annotated[float, msgspec.Meta(ge=0.01, le=1000)] = 1.0
    hold_seconds: Seconds = 1800
    hold_max_seconds: Seconds = 3600
    max_units_per_buyer: Size = 6

    def __post_init__(self) -> None:
        if self.plan is not None and self.seats:
            raise InvalidWorld("seats", "a sale with a plan has its seats from there")
        if not (self.plan or self.seats or self.areas):
            raise InvalidWorld("areas", "a sale needs areas, seats or a plan")
        twice = sorted(set(self.seats) & set(self.areas))
        if twice:
            raise InvalidWorld(f"areas.{twice[0]}", "is a category of seats as well")

    def stock(self) -> dict[str, int]:
        """Units by category."""
        seats = self.seats if self.plan is None else _plan_seats(Path(self.plan))
        return {**seats, **self.areas}


class Buyers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What those who come do. Each share is of those who have come as far as the choice.

    Defaults are the shares of the crowd that the demo sends.
    """

    group_sizes: dict[Size, Weight] = msgspec.field(default_factory=lambda: dict(USUAL_GROUPS))
    taste: dict[str, Weight] = {}
    """by category; empty: by what there is of each"""
    takes_other: Ratio = 0.8
    """of those whose category is gone, take any other"""
    leaves: Ratio = 0.05
    """of those who wait, within `patience_seconds`, without a word"""
    patience_seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)] = 900.0
    no_show: Ratio = 0.12
    """of those who are called, do not claim"""
    looks_only: Ratio = 0.06
    """of those who are admitted, buy nothing"""
    lapses: Ratio = 0.12
    """of those who hold, do not pay: the hold ends by itself"""
    releases: Ratio = 0.08
    """of those who hold and could pay, give the hold back"""
    ends_pass: Ratio = 0.8
    """of those who are done, tell the shop, which ends the pass at once"""
    look_seconds: Duration = Duration(40.0)
    """from admission to the first hold, and between two tries"""
    pay_seconds: Duration = Duration(60.0)
    """from hold to payment"""

    def __post_init__(self) -> None:
        if not sum(self.group_sizes.values()) > 0:
            raise InvalidWorld("group_sizes", "at least one size needs a weight")
        if self.taste and not sum(self.taste.values()) > 0:
            raise InvalidWorld("taste", "at least one category needs a weight")


class World(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a simulation needs to know; the seed decides every draw.

    `shop_visit_ms` is the processor time, in milliseconds, that a visit costs the shop, by the
    shop's own measurement.
    """

    arrivals: Arrivals
    sale: SaleWorld
    buyers: Buyers = Buyers()
    shop_visit_ms: Annotated[float, msgspec.Meta(ge=0, le=1e6)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 1

    def __post_init__(self) -> None:
        if self.sale.plan is None:
            unknown = sorted(set(self.buyers.taste) - set(self.sale.stock()))
            if unknown:
                raise InvalidWorld(f"buyers.taste.{unknown[0]}", "is no category of the sale")


def read_world(path: Path, kind: type[AnyWorld]) -> AnyWorld:
    """The world of a file; paths in it count from where the file is."""
    try:
        data = path.read_bytes()
        if len(data) > MAX_FILE_BYTES:
            raise InvalidWorld("", f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        table = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise InvalidWorld("", f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidWorld("", f"{path} is no TOML: {error}") from error
    for section, field in (("sale", "plan"), ("arrivals", "times_file")):
        named = table.get(section)
        if isinstance(named, dict) and isinstance(named.get(field), str):
            named[field] = str(path.parent / named[field])
    return parse_world(table, kind)


def parse_world(table: dict[str, Any], kind: type[AnyWorld]) -> AnyWorld:
    """The world of a table as TOML has it; `kind` is `World`, or what extends it."""
    try:
        return msgspec.convert(table, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise _in_words(error, kind) from error


def _in_words(error: msgspec.ValidationError, kind: type[World]) -> InvalidWorld:
    """The field by its name in the file, and what is wrong with it."""
    found = _PLACE.match(str(error))
    what, place = (found["what"], found["place"] or "") if found else (str(error), "")
    cause = error.__cause__
    if isinstance(cause, InvalidWorld):
        return InvalidWorld(_under(place, cause.field), cause.detail)
    if isinstance(cause, InvalidArrivals):
        field, _, detail = str(cause).partition(": ")
        return InvalidWorld(_under(place, field), detail)
    if missing := _MISSING.match(what):
        return InvalidWorld(_under(place, missing[1]), "is missing")
    if unknown := _UNKNOWN.match(what):
        near = difflib.get_close_matches(unknown[1], _names(kind), 1, 0.5)
        meant = f"; {near[0]} was meant?" if near else ""
        return InvalidWorld(_under(place, unknown[1]), f"there is no such field{meant}")
    return InvalidWorld(place, what[:1].lower() + what[1:].replace("`", ""))


def _under(place: str, field: str) -> str:
    return f"{place}.{field}" if place and field else place or field


def _names(kind: type[World]) -> list[str]:
    parts: list[type[msgspec.Struct]] = [kind, Arrivals, SaleWorld, Buyers, Duration]
    return [name for part in parts for name in part.__struct_fields__]


def _plan_seats(path: Path) -> dict[str, int]:
    """Seats of a plan (the pretix JSON) by category."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidWorld("sale.plan", f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        plan = json.loads(path.read_bytes())
        rows = [row for zone in plan["zones"] for row in zone["rows"]]
        seats = Counter(str(seat["category"]) for row in rows for seat in row["seats"])
    except OSError as error:
        raise InvalidWorld("sale.plan", f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise InvalidWorld("sale.plan", f"{path} is no seating plan") from error
    if not seats:
        raise InvalidWorld("sale.plan", f"{path} has no seats")
    return dict(seats)
