"""Shades of a sale's colour in which text is readable, on light and on dark paper.

A colour is moved towards black or white until it reaches the contrast that WCAG 2 asks of text
(success criterion 1.4.3); contrast and luminance are WCAG's own formulas.
"""

from dataclasses import dataclass
from typing import Final

LIGHT_PAPER: Final = "#f5f6f3"
DARK_PAPER: Final = "#0f1513"
READABLE_CONTRAST: Final = 4.5
_STEPS_TO_READABLE: Final = 40


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
