"""How a sale looks to its visitors: name, colour, logo, texts.

Invariants: a `Brand` that exists is valid. A logo is an image carried in the sale itself (`data:`)
or a path of this service, so that a waiting page never asks a third party for anything. Whatever
colour is set, text in it stays readable: the page's shades of it are made for that (`colours`).

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


def is_colour(text: str) -> bool:
    """Whether `text` is a colour as brands have it: `#rrggbb` in lower case."""
    return _COLOUR.fullmatch(text) is not None


Wordings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Brand:
    """What an operator sets. `title` is the sale's own name, `name` whoever sells."""

    title: str = ""
    name: str = ""
    colour: str = DEFAULT_COLOUR
    logo: str | None = None
    texts: Wordings = field(default_factory=dict)
    test: bool = False
    """Whether each page says that this is a test sale."""

    def __post_init__(self) -> None:
        if len(self.name) > MAX_NAME_CHARS:
            raise InvalidSetting("brand.name", f"takes at most {MAX_NAME_CHARS} characters")
        if not is_colour(self.colour):
            raise InvalidSetting("brand.colour", "must be written as #rrggbb in lower case")
        if self.logo is not None:
            _check_logo(self.logo)
        _check_texts(self.texts)

    def texts_in(self, language: str) -> Mapping[str, str]:
        return self.texts.get(language, {})


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
