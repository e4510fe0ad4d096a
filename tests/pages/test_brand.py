"""Brands: what is accepted, and that any colour stays readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_queue.http.pages.colours import (
    DARK_PAPER,
    LIGHT_PAPER,
    READABLE_CONTRAST,
    contrast,
    shades,
)
from holdfast_queue.http.pages.documents import brand_path, brand_stylesheet
from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.line.brand import LANGUAGES, MAX_LOGO_CHARS, TEXTS, Brand
from holdfast_queue.line.settings import InvalidSetting

COLOURS = st.from_regex(r"\A#[0-9a-f]{6}\Z")


@given(COLOURS, st.sampled_from([LIGHT_PAPER, DARK_PAPER]))
def test_any_colour_becomes_readable_on_any_paper(colour: str, paper: str) -> None:
    found = shades(colour, paper)
    assert contrast(found.brand, paper) >= READABLE_CONTRAST
    assert contrast(found.on_brand, found.brand) >= READABLE_CONTRAST


def test_colour_that_is_readable_is_left_alone() -> None:
    assert shades("#0b5c4b", LIGHT_PAPER).brand == "#0b5c4b"


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", ["red", "#FFF", "#12345", "#12345g", "#123456;}", ""])
def test_colour_must_be_six_digits(colour: str) -> None:
    with pytest.raises(InvalidSetting, match=r"brand\.colour"):
        Brand(colour=colour)


@pytest.mark.parametrize(
    "logo",
    [
        "https://cdn.example/logo.png",
        "//cdn.example/logo.png",
        "javascript:alert(1)",
        "data:text/html;base64,PGI+",
        "data:image/png;base64,<script>",
        "/a b.png",
        "data:image/png;base64," + "A" * MAX_LOGO_CHARS,
    ],
)
def test_logo_from_elsewhere_is_refused(logo: str) -> None:
    with pytest.raises(InvalidSetting, match=r"brand\.logo"):
        Brand(logo=logo)


@pytest.mark.parametrize("logo", ["/brands/hall.svg", "data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="])
def test_logo_of_our_own_is_taken(logo: str) -> None:
    assert Brand(logo=logo).logo == logo


def test_texts_are_known_ones_in_known_languages() -> None:
    assert Brand(texts={"en": {"waiting_lead": "Hello"}}).texts_in("en") == {
        "waiting_lead": "Hello"
    }
    with pytest.raises(InvalidSetting, match="title_waiting"):
        Brand(texts={"en": {"title_waiting": "x"}})
    with pytest.raises(InvalidSetting, match="knows en and zh-Hans"):
        Brand(texts={"fr": {"waiting_lead": "x"}})
    with pytest.raises(InvalidSetting, match="300 characters"):
        Brand(texts={"en": {"waiting_lead": "x" * 301}})


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_that_a_sale_may_word_exist(language: str) -> None:
    assert catalogue(language).keys() >= TEXTS


def test_stylesheet_address_changes_with_the_colour() -> None:
    red, blue = Brand(colour="#b91c1c"), Brand(colour="#1d4ed8")
    assert brand_path("sale", red) != brand_path("sale", blue)
    assert shades("#b91c1c", DARK_PAPER).brand in brand_stylesheet(red)
