"""Chooses the language of a page by `Accept-Language` (RFC 9110, 12.5.4)."""

from collections.abc import Callable
from typing import Final

_MAX_RANGES: Final = 20


def negotiate(accepted: str, known: Callable[[str], str | None]) -> str | None:
    """The best language for `accepted`, None without one.

    `known` gives the language for a language range in lower case, None where there is none.
    """
    for language_range in _by_preference(accepted):
        language = known(language_range)
        if language is not None:
            return language
    return None


def english_or_chinese(language_range: str) -> str | None:
    """The language for a range; any Chinese gets the simplified one, None is unknown."""
    primary = language_range.split("-", maxsplit=1)[0]
    if primary == "zh":
        return "zh-Hans"
    return "en" if primary in {"en", "*"} else None


def _by_preference(accepted: str) -> list[str]:
    """The ranges of an `Accept-Language`, best first; those with weight zero are left out."""
    weighted = []
    for index, part in enumerate(accepted.split(",")[:_MAX_RANGES]):
        language_range, _, parameter = part.strip().partition(";")
        weight = _weight(parameter)
        if weight > 0:
            weighted.append((-weight, index, language_range.strip().lower()))
    return [language_range for _, _, language_range in sorted(weighted)]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
