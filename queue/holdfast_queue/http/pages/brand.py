"""How a sale looks to the people who wait for it: name, colour, logo, texts.

Invariants: a `Brand` that exists is valid. Whatever colour an operator sets, text in it and on it
stays readable: `shades` moves it towards black or white until it reaches the contrast that WCAG 2
asks of text, on light and on dark paper. A logo is an image carried in the sale itself (`data:`) or
a path of this service, so that a waiting page never asks a third party for anything.

Rejected: CSS supplied by the operator. It would outlive every redesign, and it can leak what is on
the page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast_queue.line.settings import InvalidSetting

MAX_NAME_CHARS: Final = 80
MAX_LOGO_CHARS: Final = 12_000
MAX_TEXT_CHARS: Final = 300

DEFAULT_COLOUR: Final = "#0b5c4b"
LIGHT_PAPER: Final = "#f5f6f3"
DARK_PAPER: Final = "#0f1513"
READABLE_CONTRAST: Final = 4.5
_STEPS_TO_READABLE: Final = 40

LANGUAGES: Final = ("en", "zh-Hans")
TEXTS: Final = frozenset(
    {
        "waiting_headline", "waiting_lead", "lobby_headline", "lobby_lead_random",
        "lobby_lead_fifo", "scheduled_lead", "turn_lead", "paused_lead", "held_lead",
        "sold_out_headline", "sold_out_lead", "closed_headline", "closed_lead", "draining_lead",
        "expired_lead", "keep_note",
    }
)  # fmt: skip
"""The texts that a sale may word itself; the rest carries meaning that the page relies on."""

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_LOGO: Final = re.compile(
    r"data:image/(?:png|jpeg|webp|svg\+xml);base64,[A-Za-z0-9+/]+=*|/[A-Za-z0-9][\w./-]*",
    re.ASCII,
)

Wordings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Brand:
    """What an operator sets. `title` is the sale's own name, `name` whoever sells."""

    title: str = ""
    name: str = ""
    colour: str = DEFAULT_COLOUR
    logo: str | None = None
    texts: Wordings = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.name) > MAX_NAME_CHARS:
            raise InvalidSetting("brand.name", f"takes at most {MAX_NAME_CHARS} characters")
        if not _COLOUR.fullmatch(self.colour):
            raise InvalidSetting("brand.colour", "must be written as #rrggbb in lower case")
        if self.logo is not None:
            _check_logo(self.logo)
        _check_texts(self.texts)

    def texts_in(self, language: str) -> Mapping[str, str]:
        return self.texts.get(language, {})


@dataclass(frozen=True, slots=True)
class Shades:
    """One colour made readable for one paper, and the ink that goes on top of it."""

    brand: str
    on_brand: str


def shades(colour: str, paper: str) -> Shades:
    """`colour` moved away from `paper` until text in it is readable there."""
    target = (0, 0, 0) if _luminance(_rgb(paper)) > 0.5 else (255, 255, 255)
    shade = _rgb(colour)
    for _ in range(_STEPS_TO_READABLE):
        if _contrast(shade, _rgb(paper)) >= READABLE_CONTRAST:
            break
        shade = _towards(shade, target)
    ink = max(((255, 255, 255), (6, 17, 14)), key=lambda ink: _contrast(ink, shade))
    return Shades(_hex(shade), _hex(ink))


def contrast(one: str, other: str) -> float:
    """The WCAG 2 contrast ratio of two `#rrggbb` colours, 1 to 21."""
    return _contrast(_rgb(one), _rgb(other))


_Rgb = tuple[int, int, int]


def _contrast(one: _Rgb, other: _Rgb) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: _Rgb) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in rgb)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _towards(shade: _Rgb, target: _Rgb) -> _Rgb:
    red, green, blue = (
        round(channel + (goal - channel) * 0.12) if abs(goal - channel) > 4 else goal
        for channel, goal in zip(shade, target, strict=True)
    )
    return red, green, blue


def _rgb(colour: str) -> _Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(rgb: _Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _check_logo(logo: str) -> None:
    if len(logo) > MAX_LOGO_CHARS:
        raise InvalidSetting("brand.logo", f"takes at most {MAX_LOGO_CHARS} characters")
    if not _LOGO.fullmatch(logo):
        raise InvalidSetting("brand.logo", "must be a base64 data: image or a path of this service")


def _check_texts(texts: Wordings) -> None:
    for language, wordings in texts.items():
        if language not in LANGUAGES:
            raise InvalidSetting("brand.texts", f"knows {' and '.join(LANGUAGES)} only")
        for key, wording in wordings.items():
            if key not in TEXTS:
                raise InvalidSetting("brand.texts", f"{key!r} is not a text that a sale words")
            if len(wording) > MAX_TEXT_CHARS:
                raise InvalidSetting("brand.texts", f"takes {MAX_TEXT_CHARS} characters a text")
