"""Content negotiation by `Accept` and `Accept-Encoding` (RFC 9110, 12.5), weights included: `q=0`
means no.

A form other than the default is sent only to clients that name it, so that a browser's `*/*` gets
JSON and not a stream that never ends.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_RANGES_MAX: Final = 50
_WEIGHT: Final = re.compile(r"\s*q\s*=\s*(0(\.[0-9]{0,3})?|1(\.0{0,3})?)\s*", re.IGNORECASE)


def takes(header: str, form: str, rather_than: str | None = None) -> bool:
    """Whether `header` names `form`, with a weight no less than that of `rather_than`."""
    weights = _weights(header)
    weight = weights.get(form, 0.0)
    return weight > 0 and (rather_than is None or weight >= weights.get(rather_than, 0.0))


def takes_coding(header: str, coding: str) -> bool:
    """Whether an `Accept-Encoding` accepts `coding`, by its name or by `*`."""
    weights = _weights(header)
    return weights.get(coding, weights.get("*", 0.0)) > 0


@lru_cache(maxsize=256)
def _weights(header: str) -> Mapping[str, float]:
    """The weight of each name; 0 for one that cannot be read."""
    weights: dict[str, float] = {}
    for part in header.split(",")[:_RANGES_MAX]:
        name, *parameters = part.split(";")
        weights[name.strip().lower()] = _weight(parameters)
    return weights


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.strip().lower().startswith("q"):
            found = _WEIGHT.fullmatch(parameter)
            return float(found[1]) if found is not None else 0.0
    return 1.0
