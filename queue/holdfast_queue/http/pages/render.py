"""Renders HTML templates: every value is escaped, unless it is `Html` already.

The templates are plain files with `$name` places (string.Template), parsed at start. A missing name
is an error, so a template and its caller cannot drift apart unnoticed.

Rejected: a template language. Three small pages need substitution and nothing else, and logic in
templates is logic without tests.
"""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Final

_JSON_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


class Html(str):
    """Markup that needs no escaping."""

    __slots__ = ()


class Templates:
    """The `.html` files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._templates = {
            path.stem: Template(path.read_text("utf-8")) for path in folder.glob("*.html")
        }

    def render(self, name: str, values: Mapping[str, str]) -> Html:
        """The template with each `$name` place filled: escaped, unless it is `Html`."""
        filled = {key: _safe(value) for key, value in values.items()}
        return Html(self._templates[name].substitute(filled))


def data_block(data: Mapping[str, object]) -> Html:
    """`data` as JSON for a `<script type="application/json">`, in which nothing ends the
    element.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Html(text.translate(_JSON_ESCAPES))


def _safe(value: str) -> str:
    return value if isinstance(value, Html) else escape(value, quote=True)
