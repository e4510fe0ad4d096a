"""When visitors come: the shapes that crowds have.

Times are seconds from the opening of the sale, negative for who waits in the lobby. Given how many
come, the times of visitors who do not know of each other are independent draws from the shape's
density, in order (a Poisson process under the condition of its count); each draw inverts the
density's distribution function. Equal seeds give equal times.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Final, Literal

import msgspec

MAX_VISITORS: Final = 10_000_000
MAX_SECONDS: Final = 7 * 24 * 3600.0
MAX_FILE_BYTES: Final = 256 * 1024**2
SURGE_FACTOR: Final = 10.0
"""how much faster than usual visitors come in a surge"""
SURGE_STARTS: Final = 1 / 3
"""of the seconds have passed when it begins"""

Shape = Literal["flash", "lobby", "steady", "ramp", "surge", "soak", "recorded"]
Positive = Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]


class InvalidArrivals(ValueError):
    """The fields of a shape do not fit each other; the message begins with the field's name."""


class Arrivals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many visitors come, within how many seconds after the opening, in which shape.

    flash      most at once: the density falls by e in each `decay_seconds` (a third of `seconds`)
    lobby      `early_share` of them in the `lobby_seconds` before the opening, ever more towards
               it; the others like a flash
    steady     evenly
    soak       evenly; the name says that it is meant to last for hours
    ramp       at a rate that rises from nothing
    surge      `usual_per_second`, and ten times as many from a third of the time on, for as long as
               it takes for `visitors` to have come
    recorded   as in `times_file`: seconds from the opening, one a line; `visitors` 0 takes them as
               they are, another number draws so many from them
    """

    shape: Shape
    visitors: Annotated[int, msgspec.Meta(ge=0, le=MAX_VISITORS)] = 0
    seconds: Positive = 60.0
    decay_seconds: Positive | None = None
    lobby_seconds: Positive = 600.0
    early_share: Ratio = 0.6
    usual_per_second: Annotated[float, msgspec.Meta(gt=0, le=1e6)] | None = None
    times_file: str | None = None

    def __post_init__(self) -> None:
        if self.shape == "recorded":
            if self.times_file is None:
                raise InvalidArrivals("times_file: recorded arrivals need the file of their times")
        elif self.visitors < 1:
            raise InvalidArrivals("visitors: at least one has to come")
        if self.shape == "surge":
            self._check_surge()

    @property
    def decay(self) -> float:
        """Seconds in which a flash falls by e."""
        return self.decay_seconds or self.seconds / 3

    @property
    def surge_seconds(self) -> float:
        """How long the surge lasts, so that all of `visitors` come."""
        usual = self.usual_per_second or 0.0
        return (self.visitors / usual - self.seconds) / (SURGE_FACTOR - 1)

    def _check_surge(self) -> None:
        if self.usual_per_second is None:
            raise InvalidArrivals("usual_per_second: a surge needs the usual rate")
        longest = self.seconds * (1 - SURGE_STARTS)
        if not 0 < self.surge_seconds <= longest:
            least = self.usual_per_second * self.seconds
            most = least + (SURGE_FACTOR - 1) * self.usual_per_second * longest
            raise InvalidArrivals(
                f"visitors: with {self.usual_per_second:g} a second as usual, a surge within "
                f"{self.seconds:g} seconds has more than {least:.0f} and at most {most:.0f}"
            )


def arrival_times(arrivals: Arrivals, random: Random) -> Sequence[float]:
    """When each visitor comes, in order: exactly `visitors` of them."""
    if arrivals.shape == "recorded":
        return _recorded(arrivals, random)
    draw = _draws(arrivals, random)
    return array("d", sorted(draw() for _ in range(arrivals.visitors)))


def read_times(path: Path) -> array[float]:
    """The times of a file: a number a line; empty lines and those that begin with # are skipped."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InvalidArrivals(f"times_file: {path} is larger than {MAX_FILE_BYTES:,} bytes")
    times = array("d")
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            times.append(_time(text, path, number))
    if not 0 < len(times) <= MAX_VISITORS:
        raise InvalidArrivals(f"times_file: {path} has {len(times):,} times")
    return array("d", sorted(times))


def _time(text: str, path: Path, line: int) -> float:
    try:
        time = float(text)
    except ValueError:
        time = math.nan
    if not abs(time) <= MAX_SECONDS:
        raise InvalidArrivals(f"times_file: {path}, line {line}: {text[:40]!r} is no time")
    return time


def _recorded(arrivals: Arrivals, random: Random) -> Sequence[float]:
    times = read_times(Path(arrivals.times_file or ""))
    if arrivals.visitors in (0, len(times)):
        return times
    return array("d", sorted(random.choices(times, k=arrivals.visitors)))


def _draws(arrivals: Arrivals, random: Random) -> Callable[[], float]:
    """One draw from the shape's density."""
    seconds, uniform = arrivals.seconds, random.random
    if arrivals.shape == "ramp":
        return lambda: seconds * math.sqrt(uniform())
    if arrivals.shape == "flash":
        return _flash(arrivals, random)
    if arrivals.shape == "lobby":
        early, lobby, late = arrivals.early_share, arrivals.lobby_seconds, _flash(arrivals, random)
        return lambda: -lobby * (1 - math.sqrt(uniform())) if uniform() < early else late()
    if arrivals.shape == "surge":
        return _surge(arrivals, random)
    return lambda: seconds * uniform()


def _flash(arrivals: Arrivals, random: Random) -> Callable[[], float]:
    decay, uniform = arrivals.decay, random.random
    within = 1 - math.exp(-arrivals.seconds / decay)
    return lambda: -decay * math.log1p(-within * uniform())


def _surge(arrivals: Arrivals, random: Random) -> Callable[[], float]:
    """Moments spread evenly over the time, and SURGE_FACTOR times as densely in the surge."""
    starts, lasts = SURGE_STARTS * arrivals.seconds, arrivals.surge_seconds
    stretched = arrivals.seconds + (SURGE_FACTOR - 1) * lasts

    def draw() -> float:
        at = stretched * random.random()
        if at <= starts:
            return at
        if at <= starts + SURGE_FACTOR * lasts:
            return starts + (at - starts) / SURGE_FACTOR
        return at - (SURGE_FACTOR - 1) * lasts

    return draw
