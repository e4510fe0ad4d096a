"""HTML from templates: everything that is put in is escaped, unless it is `Html` already.

The templates are plain files with `$name` places (string.Template), parsed once. A missing name is
an error, so a template and its caller cannot drift apart unnoticed.

Rejected: a template language. Three small pages need substitution and nothing else, and logic in
templates is logic without tests.
"""

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final

_FOLDER: Final = Path(__file__).parent / "templates"
_JSON_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


class Html(str):
    """Markup that is safe as it is."""

    __slots__ = ()


def render(template: str, texts: Mapping[str, str], values: Mapping[str, str]) -> Html:
    """`template` with its `$name` places from `values` and its `$t_name` places from `texts`."""
    filled = {f"t_{key}": _safe(text) for key, text in texts.items()}
    filled.update((key, _safe(value)) for key, value in values.items())
    return Html(_template(template).substitute(filled))


def data_block(data: Mapping[str, object]) -> Html:
    """JSON for a `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Html(text.translate(_JSON_ESCAPES))


def _safe(value: str) -> str:
    return value if isinstance(value, Html) else escape(value, quote=True)


@cache
def _template(name: str) -> Template:
    return Template((_FOLDER / f"{name}.html").read_text("utf-8"))
