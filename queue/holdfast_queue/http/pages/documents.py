"""The HTML documents of the waiting room, and the headers that go with each.

Invariants: no document holds a script or a style of its own and none asks another host for
anything; the Content-Security-Policy says so to the browser, so that even injected markup could do
neither. `form-action` names the return origin too, because browsers hold the redirect that answers
a form against it.

A waiting page says nothing about a visitor, so everybody may get the same cached one; what depends
on a visitor (`place`, and whatever was asked for with an identity) is `no-store`.

An identity is handed on where the visitor joins, by form or by script, and nowhere else: no link
and no redirect of ours has it, and a page that came with one tells nobody its own address.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from holdfast_queue.http.pages.assets import Assets
from holdfast_queue.http.pages.colours import DARK_PAPER, LIGHT_PAPER, shades
from holdfast_queue.http.pages.languages import NAMES, other_language, texts_for
from holdfast_queue.http.pages.render import Html, Templates, data_block
from holdfast_queue.line.brand import Brand
from holdfast_queue.line.presence import HIDDEN_SECONDS, OWN_VIEW_SECONDS

_FOLDER: Final = Path(__file__).parent
ASSETS: Final = Assets(_FOLDER / "static", "/wait/-")
_TEMPLATES: Final = Templates(_FOLDER / "templates")
_BRAND_DIGEST_CHARS: Final = 12

PAGE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # same-origin, not no-referrer: with that one browsers send `Origin: null` along with a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


IDENTIFIED_HEADERS: Final = {**PAGE_HEADERS, "Referrer-Policy": "strict-origin"}
"""For an address with an identity in it, which must not be in the log of what the page asks for."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What every document of one request needs."""

    sale: str
    return_url: str
    language: str
    brand: Brand
    identity: str | None = field(default=None, repr=False)
    """What the shop has signed about the visitor, unchecked."""

    @property
    def title(self) -> str:
        return self.brand.title or self.sale

    @property
    def texts(self) -> Mapping[str, str]:
        return texts_for(self.language, self.brand)

    @property
    def query(self) -> str:
        return urlencode({"t": self.return_url, "lang": self.language})


def security_policy(return_origin: str | None = None) -> str:
    """The Content-Security-Policy of a page whose form may end up at `return_origin`."""
    form_action = "'self'" if return_origin is None else f"'self' {return_origin}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; form-action {form_action}; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


def waiting_document(visit: Visit) -> Html:
    """The page with the script. It holds no word about any visitor."""
    texts = visit.texts
    data = {
        "name": visit.sale,
        "sale": visit.title,
        "returnUrl": visit.return_url,
        "lang": visit.language,
        "texts": texts,
        "pace": {"hiddenSeconds": HIDDEN_SECONDS, "ownViewSeconds": OWN_VIEW_SECONDS},
    }
    values = {
        "title": visit.title,
        "place_url": place_path(visit.sale),
        "return_url": visit.return_url,
        "identity": identity_html(visit),
        "page_data": data_block(data),
    }
    return _render("waiting", visit, values)


def place_document(visit: Visit, values: Mapping[str, str]) -> Html:
    """The page for browsers without scripts, filled in by `place`."""
    return _render("place", visit, values)


def problem_document(
    *,
    language: str,
    texts: Mapping[str, str],
    kind: str,
    code: str,
    seconds: int | None = None,
    again: str | None = None,
    way_back: str | None = None,
) -> Html:
    """`kind` names a pair of texts, `code` is the stable code that support staff will ask for.

    After `seconds` the page asks for the address `again` ("" is its own); `way_back` is the shop's.
    """
    repeated = seconds is not None and again is not None
    values = {
        "lang": language,
        "head": _head(),
        "headline": texts[f"problem_{kind}_headline"],
        "lead": texts[f"problem_{kind}_lead"],
        "refresh": refresh_tag(seconds, again or "") if repeated else Html(""),
        "note": texts["problem_again"].format(seconds=seconds) if repeated else "",
        "back": Html("") if way_back is None else back_html(way_back, texts),
        "code": code,
    }
    return _TEMPLATES.render("problem", values)


def refresh_tag(seconds: int | None, address: str = "") -> Html:
    """Asks for the page again, or for another `address`, after a time; None is never."""
    if seconds is None:
        return Html("")
    content = f"{seconds};url={address}" if address else f"{seconds}"
    return _TEMPLATES.render("refresh", {"content": content})


def form_html(visit: Visit, action: str, label: str) -> Html:
    values = {
        "place_url": place_path(visit.sale),
        "return_url": visit.return_url,
        "lang": visit.language,
        "identity": identity_html(visit),
        "action": action,
        "label": label,
    }
    return _TEMPLATES.render("form", values)


def identity_html(visit: Visit) -> Html:
    """The form's field for the identity, where there is one."""
    if visit.identity is None:
        return Html("")
    return _TEMPLATES.render("identity", {"identity": visit.identity})


def back_html(return_url: str, texts: Mapping[str, str]) -> Html:
    """The way back to the shop."""
    return _TEMPLATES.render("back", {"return_url": return_url, "label": texts["back_action"]})


def line_html(lines: Sequence[tuple[str, str]]) -> Html:
    """Terms and values of a visitor's place."""
    rows = (_TEMPLATES.render("fact", {"term": term, "value": value}) for term, value in lines)
    return Html(f'<dl class="facts">{"".join(rows)}</dl>')


def message_html(texts: Mapping[str, str], message: str | None) -> Html:
    if message is None:
        return Html("")
    heading = texts["message_heading"]
    return _TEMPLATES.render("message", {"heading": heading, "message": message})


def place_path(sale: str) -> str:
    return f"/wait/{quote(sale)}/place"


def place_url(visit: Visit) -> str:
    return f"{place_path(visit.sale)}?{visit.query}"


def brand_path(sale: str, brand: Brand) -> str:
    digest = hashlib.sha256(brand.colour.encode()).hexdigest()[:_BRAND_DIGEST_CHARS]
    return f"/wait/{quote(sale)}/brand.css?v={digest}"


def brand_stylesheet(brand: Brand) -> str:
    """The sale's colour as the two pairs of shades that the page's styles use."""
    light, dark = shades(brand.colour, LIGHT_PAPER), shades(brand.colour, DARK_PAPER)
    return (
        f":root {{ --brand: {light.brand}; --on-brand: {light.on_brand}; }}\n"
        "@media (prefers-color-scheme: dark) {\n"
        f"  :root {{ --brand: {dark.brand}; --on-brand: {dark.on_brand}; }}\n"
        "}\n"
    )


def _render(template: str, visit: Visit, values: Mapping[str, str]) -> Html:
    shared = {
        "lang": visit.language,
        "head": _head(),
        "static": ASSETS.base,
        "brand_css": brand_path(visit.sale, visit.brand),
        "sale_name": visit.title,
        "masthead": _masthead(visit),
    }
    return _TEMPLATES.render(template, _with_texts(visit, {**shared, **values}))


def _head() -> Html:
    """What the head of every document begins with."""
    return _TEMPLATES.render("head", {"static": ASSETS.base})


def _with_texts(visit: Visit, values: Mapping[str, str]) -> dict[str, str]:
    """The catalogue as `$t_name` places."""
    return {**{f"t_{key}": text for key, text in visit.texts.items()}, **values}


def _masthead(visit: Visit) -> Html:
    other = other_language(visit.language)
    brand = visit.brand
    values = {
        "logo": Html("") if brand.logo is None else _TEMPLATES.render("logo", {"logo": brand.logo}),
        "brand_name": brand.name or visit.texts["room"],
        "other_query": urlencode({"t": visit.return_url, "lang": other}),
        "other_lang": other,
        "other_name": NAMES[other],
    }
    return _TEMPLATES.render("masthead", _with_texts(visit, values))
