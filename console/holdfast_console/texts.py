"""The words of the console, in English and Chinese.

A language is a folder of JSON files, one for each screen and `common.json`; all languages hold the
same keys with the same places. Numbers, times and money are written as the language does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from holdfast_web.charts import ChartWords
from holdfast_web.money import Currency

LANGUAGES: Final = {"en": "English", "zh-Hans": "简体中文"}
DEFAULT_LANGUAGE: Final = "en"
_FOLDER: Final = Path(__file__).parent / "texts"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of one language, read once."""
    texts: dict[str, str] = {}
    for path in sorted((_FOLDER / language).glob("*.json")):
        texts |= json.loads(path.read_text("utf-8"))
    return texts


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language."""

    language: str

    def __call__(self, key: str, **places: object) -> str:
        """The text of `key` with its places filled."""
        return catalogue(self.language)[key].format(**places)

    def has(self, key: str) -> bool:
        return key in catalogue(self.language)

    def known(self, prefix: str, name: str, otherwise: str | None = None) -> str:
        """The text of `prefix` and `name`; where there is none, `otherwise` or the name itself."""
        if self.has(prefix + name):
            return self(prefix + name)
        return name if otherwise is None else otherwise

    def number(self, value: float | None) -> str:
        """`4,120`; a dash for what is not known."""
        if value is None:
            return "\u2013"
        return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.1f}"

    def share(self, value: float | None) -> str:
        """`62%` of 0.62."""
        return "\u2013" if value is None else f"{value:.0%}"

    def money(self, minor: int | None, currency: str | None) -> str:
        """An amount in minor units, in its currency; a dash for what is not known."""
        if minor is None:
            return "\u2013"
        return Currency.of(currency or "").format(minor)

    def duration(self, seconds: float | None) -> str:
        """`45 s`, `12 min`, `3 h 20 min`; a dash for what is not known."""
        if seconds is None:
            return "\u2013"
        if seconds < 90:
            return self("seconds", n=round(seconds))
        minutes = round(seconds / 60)
        if minutes < 120:
            return self("minutes", n=minutes)
        hours, rest = divmod(minutes, 60)
        if hours < 48:
            return self("hours", n=hours, minutes=rest)
        return self("days", n=hours // 24, hours=hours % 24)

    def chart_words(self) -> ChartWords:
        """The words of charts."""
        return ChartWords(
            self("chart_least"), self("chart_most"), self("chart_last"), self("chart_no_data")
        )

    def time(self, text: str | None) -> str:
        """A time of the API (RFC 3339) in UTC, to the second."""
        moment = parse_time(text)
        return "\u2013" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def parse_time(text: str | None) -> datetime | None:
    """A time of the API, None without one."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
