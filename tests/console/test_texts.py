"""The words of the console: both languages complete, and every key that is used is there."""

import re
from pathlib import Path
from string import Formatter

import pytest

import holdfast_console
from holdfast_console.screens import SCREENS
from holdfast_console.texts import LANGUAGES, Texts, catalogue

HOME = Path(holdfast_console.__file__).parent
_KEY = re.compile(r"""\b(?:t|texts)\(\s*["']([a-z0-9_]+)["']\s*[,)]""")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_languages_have_the_same_keys_with_the_same_places() -> None:
    english = catalogue("en")
    for language in LANGUAGES:
        texts = catalogue(language)
        assert set(texts) == set(english)
        assert {key for key in texts if places(texts[key]) != places(english[key])} == set()


def test_no_key_stands_in_two_files() -> None:
    for language in LANGUAGES:
        files = (HOME / "texts" / language).glob("*.json")
        lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
        keys = [found[1] for line in lines if (found := re.match(r'\s*"(\w+)":', line))]
        assert sorted(keys) == sorted(set(keys))


def test_every_key_that_is_used_is_written() -> None:
    sources = [*HOME.rglob("*.html"), *HOME.rglob("*.py")]
    used = {key for path in sources for key in _KEY.findall(path.read_text("utf-8"))}
    assert len(used) > 20
    assert used - set(catalogue("en")) == set()


def test_every_screen_has_its_link_in_words() -> None:
    assert {f"nav_{screen.name}" for screen in SCREENS if screen.listed} <= set(catalogue("en"))


def test_money_is_written_in_its_currency() -> None:
    shown = [Texts("en").money(*of) for of in ((125_000, "EUR"), (125_000, "JPY"), (None, "EUR"))]
    assert shown == ["\u20ac1,250.00", "\u00a5125,000", "\u2013"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "\u2013"), (0, "0 s"), (89, "89 s"), (90, "2 min"), (7_100, "118 min"),
     (7_200, "2 h 0 min"), (180_000, "2 d 2 h")],
)  # fmt: skip
def test_duration_is_as_exact_as_people_need(seconds: float | None, shown: str) -> None:
    assert Texts("en").duration(seconds) == shown


def test_number_has_a_decimal_place_only_where_it_tells_something() -> None:
    texts = Texts("en")
    shown = [texts.number(value) for value in (None, 0, 4120, 12.5, 598.4, 3.0)]
    assert shown == ["\u2013", "0", "4,120", "12.5", "598", "3"]
