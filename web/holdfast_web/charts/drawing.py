"""Markup of charts: elements with escaped attributes and text."""

from __future__ import annotations

from html import escape


class Drawing(str):
    """HTML or SVG that needs no escaping; Jinja2 and MarkupSafe know it by `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def element(name: str, content: str | Drawing = "", /, **attributes: str | float | None) -> Drawing:
    """One element. Text is escaped, a `Drawing` is not; an attribute that is None is left out.

    An underscore in the name of an attribute stands for a hyphen, one at its end for nothing:
    `class_` and `aria_label`, as Python cannot write them.
    """
    inner = content if isinstance(content, Drawing) else escape(content, quote=False)
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Drawing(f"<{name}{shown}>{inner}</{name}>")


def joined(*parts: str) -> Drawing:
    """Elements one after the other."""
    return Drawing("".join(parts))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
