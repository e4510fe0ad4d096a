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
from holdfast_web.pages.language import english_or_chinese
from holdfast_web.pages.language import negotiate as preferred

DEFAULT_LANGUAGE: Final = LANGUAGES[0]
NAMES: Final = {"en": "English", "zh-Hans": "简体中文"}
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
    return preferred(accepted, english_or_chinese) or DEFAULT_LANGUAGE
