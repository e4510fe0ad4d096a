"""Chooses a visitor's language, and loads the texts in it.

The catalogues are JSON files that all hold the same keys; a sale may word some of them itself (see
`holdfast_queue.line.brand`). The choice follows `Accept-Language` (RFC 9110, 12.5.4) unless
the address says `lang=`, which is what the link in the page's head does.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from holdfast_queue.line.brand import LANGUAGES, Brand

DEFAULT_LANGUAGE: Final = LANGUAGES[0]
NAMES: Final = {"en": "English", "zh-Hans": "简体中文"}
_MAX_RANGES: Final = 20
_FOLDER: Final = Path(__file__).parent / "texts"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of one language, read once."""
    texts: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return texts


def texts_for(language: str, brand: Brand) -> Mapping[str, str]:
    return {**catalogue(language), **brand.texts_in(language)}


def other_language(language: str) -> str:
    return next(known for known in LANGUAGES if known != language)


def negotiate(accepted: str, wished: str | None = None) -> str:
    """The language of a response: `wished` if there is such, else the preferred one of
    `accepted`.
    """
    if wished in LANGUAGES:
        return wished
    for language_range in _by_preference(accepted):
        known = _known(language_range)
        if known is not None:
            return known
    return DEFAULT_LANGUAGE


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


def _known(language_range: str) -> str | None:
    """The catalogue for a language range; any Chinese gets the simplified one, None is unknown."""
    primary = language_range.split("-", maxsplit=1)[0]
    if primary == "zh":
        return "zh-Hans"
    return DEFAULT_LANGUAGE if primary in {"en", "*"} else None
