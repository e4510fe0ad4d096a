"""What a screen is: an address, what it shows, and what its forms do.

A screen is shown by GET and acts by POST to the same address; the field `do` of a form names the
action. After an action the browser is redirected, so that a reload repeats nothing; `done` in the
address names a text that says what has been done. An action whose `confirmed` field is missing may
answer a page that asks for it (`ask_first`).
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from holdfast_console.api import ApiProblem, PublishedApi
from holdfast_console.texts import Texts
from holdfast_web.credentials import Role

ROOT: Final = "/console"
CONFIRMED: Final = "confirmed"
_NAME: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class ScreenRequest:
    """A request for a screen by somebody who is signed in.

    `parameters` are those of the address. `form` has the fields of a form, the first value of each;
    `files` what it uploads; `every` all values of a field that may be there several times.
    `problem` is what the API has refused of an action; the screen is then shown again.
    """

    api: PublishedApi
    texts: Texts
    role: Role
    path: Mapping[str, str]
    parameters: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    every: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    problem: ApiProblem | None = None

    @property
    def sale(self) -> str:
        """The name of the sale in the address."""
        return self.path["sale"]

    @property
    def confirmed(self) -> bool:
        """Whether the consequence of an action was shown and agreed to."""
        return self.form.get(CONFIRMED) == "yes"


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """A template with its values, to be shown."""

    template: str
    values: Mapping[str, Any]
    status: int = 200
    framed: bool = False
    """Whether a page of the console may show it in a frame."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another address of the console, to be loaded with GET."""

    path: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file to be saved, or a document of the service as it is."""

    body: bytes
    content_type: str
    name: str = ""
    """of the file; empty: it is shown, in a frame of the console's pages"""


@dataclass(frozen=True, slots=True)
class StreamedFile:
    """A file to be saved that is written while it is made, so that it may be of any size."""

    chunks: AsyncIterator[bytes]
    content_type: str
    name: str


ScreenAnswer = ConsolePage | Redirect | Download | StreamedFile
ScreenHandler = Callable[[ScreenRequest], Awaitable[ScreenAnswer]]


@dataclass(frozen=True)
class Screen:
    """One screen. `path` is below `ROOT`, with places such as `{sale}`."""

    name: str
    """its text is `nav_<name>`"""
    path: str
    show: ScreenHandler
    actions: Mapping[str, ScreenHandler] = field(default_factory=dict)
    listed: bool = True
    """Whether the navigation leads to it."""

    @property
    def is_of_a_sale(self) -> bool:
        return "{sale}" in self.path

    def match(self, path: str) -> Mapping[str, str] | None:
        """The places of `path` by name; None when it is another screen's."""
        found = re.fullmatch(_NAME.sub(r"(?P<\1>[^/]+)", self.path), path)
        return None if found is None else found.groupdict()

    def url(self, **places: str) -> str:
        """The address in the browser."""
        return ROOT + _NAME.sub(lambda found: quote(places[found[1]], safe=""), self.path)


def redirect(path: str, done: str = "", **query: str) -> Redirect:
    """To a path below `ROOT`; `done` names what has been done: the text `done_<done>`."""
    given = {**({"done": done} if done else {}), **query}
    return Redirect(ROOT + path + (f"?{urlencode(given)}" if given else ""))


def ask_first(
    request: ScreenRequest, title: str, consequences: Sequence[str], action: str, *, back: str
) -> ConsolePage:
    """A page that says what an action will do, with a form that does it: the form's fields again.

    `title`, `consequences` and `action` (the button's) are texts; `back` is the path of the screen.
    """
    kept = [
        (name, value) for name, value in request.form.items() if name not in {"csrf", CONFIRMED}
    ]
    values = {
        "title": title,
        "consequences": consequences,
        "action": action,
        "kept": kept,
        "back": back,
    }
    return ConsolePage("confirm.html", values)
