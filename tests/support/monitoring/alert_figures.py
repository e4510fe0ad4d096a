"""What an alert is shown in a test: figures minute by minute, and when it is to fire."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Span = tuple[float, int]
"""a value, or what is added in a minute, and for how many minutes"""
Series = tuple[str, list[float]]


def levels(*spans: Span) -> list[float]:
    """A gauge: each value for so many minutes."""
    return [value for value, minutes in spans for _ in range(minutes)]


def growing(*spans: Span) -> list[float]:
    """A counter: by so much a minute, for so many minutes each."""
    made, value = [], 0.0
    for step in levels(*spans):
        made.append(value)
        value += step
    return made


@dataclass(frozen=True)
class Case:
    """What one alert is shown: samples every `step` minutes.

    It fires from the first minute of `fires` on and no longer at the second, for one series with
    `labels`; where both are 0 it never does.
    """

    code: str
    series: Mapping[str, list[float]]
    fires: tuple[int, int] = (0, 0)
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    """the summary at minute `fires`, as a person gets it"""
    step: int = 1


def case(code: str, *series: Series, **told: Any) -> Case:
    return Case(code, dict(series), **told)


SALE: Final = {"sale": "finale"}
NODE: Final = {"instance": "node-1:9464"}
JOB: Final = {"job": "holdfast"}


def sale(name: str, values: list[float], **labels: str) -> Series:
    return series(name, values, **SALE, **labels)


def node(name: str, values: list[float], **labels: str) -> Series:
    return series(name, values, **JOB, **NODE, **labels)


def series(name: str, values: list[float], **labels: str) -> Series:
    inside = ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}", values


def slow_histogram(
    of: Callable[..., Series],
    name: str,
    fast: list[float],
    slow: list[float],
    bounds: tuple[str, str],
    **labels: str,
) -> Iterator[Series]:
    """A histogram with `fast` observations below the first bound, and `slow` below the second."""
    both = [a + b for a, b in zip(fast, slow, strict=True)]
    for bound, values in ((bounds[0], fast), (bounds[1], both), ("+Inf", both)):
        yield of(f"{name}_bucket", values, le=bound, **labels)


def moving_line(
    minutes: int, *, state: str = "open", free: int = 1000, **changed: list[float]
) -> Iterator[Series]:
    """A sale whose line moves at the rate that is set; `changed` by the metric's name."""
    figures = {
        "waiting": levels((500, minutes)),
        "active": levels((80, minutes)),
        "active_max": levels((100, minutes)),
        "admission_rate_set_per_minute": levels((60, minutes)),
        "admission_rate_realised_per_minute": levels((60, minutes)),
        "called_total": growing((60, minutes)),
    } | changed
    for name, values in figures.items():
        yield sale(f"holdfast_{name}", values)
    for one in ("open", "paused"):
        yield sale("holdfast_sale_state", levels((int(state == one), minutes)), state=one)
    yield sale("holdfast_units", levels((free, minutes)), state="free")


ONCE: Final = ((0, 10), (1, 1), (0, 40))
"""something that happens once, in the tenth minute"""
