"""What an alert is shown in a test: figures minute by minute, and when it is to fire."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

Span = tuple[float, int]
"""a value, or what is added in a minute, and for how many minutes"""


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

    It fires from minute `fires` on and no longer at minute `clears`, for one series with `labels`;
    where both are 0 it never does.
    """

    code: str
    series: Mapping[str, list[float]]
    fires: int = 0
    clears: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    """the summary at minute `fires`, as a person gets it"""
    step: int = 1


SALE: Final = {"sale": "finale"}
NODE: Final = {"instance": "node-1:9464"}
JOB: Final = {"job": "holdfast"}


def sale(name: str, values: list[float], **labels: str) -> tuple[str, list[float]]:
    return series(name, values, **SALE, **labels)


def node(name: str, values: list[float], **labels: str) -> tuple[str, list[float]]:
    return series(name, values, **JOB, **NODE, **labels)


def series(name: str, values: list[float], **labels: str) -> tuple[str, list[float]]:
    inside = ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}", values


def slow_histogram(
    name: str, fast: list[float], slow: list[float], bounds: tuple[str, str], **labels: str
) -> Iterator[tuple[str, list[float]]]:
    """A histogram with `fast` observations below the first bound, and `slow` below the second."""
    both = [a + b for a, b in zip(fast, slow, strict=True)]
    yield series(f"{name}_bucket", fast, le=bounds[0], **labels)
    yield series(f"{name}_bucket", both, le=bounds[1], **labels)
    yield series(f"{name}_bucket", both, le="+Inf", **labels)


def moving_line(
    minutes: int, *, state: str = "open", free: int = 1000, **changed: list[float]
) -> dict[str, list[float]]:
    """A sale whose line moves at the rate that is set; `changed` by the metric's name."""
    figures = {
        "waiting": levels((500, minutes)),
        "active": levels((80, minutes)),
        "active_max": levels((100, minutes)),
        "admission_rate_set_per_minute": levels((60, minutes)),
        "admission_rate_realised_per_minute": levels((60, minutes)),
        "called_total": growing((60, minutes)),
    } | changed
    return dict(
        [sale(f"holdfast_{name}", values) for name, values in figures.items()]
        + [
            sale("holdfast_sale_state", levels((int(state == one), minutes)), state=one)
            for one in ("open", "paused")
        ]
        + [
            sale("holdfast_units", levels((free, minutes)), state="free"),
        ]
    )


ONCE: Final = ((0, 10), (1, 1), (0, 40))
"""something that happens once, in the tenth minute"""
